import { type EmitResult, EventBus } from 'ambus';
import { compiled } from 'ambus/compiled';
import { ManualClock } from 'ambus/testing';

const loose = new EventBus();
loose.on('x', (payload) => payload);
export const result: EmitResult = await loose.emit('x', 1);
export const ok: boolean = result.ok;

interface ShopEvents {
  'order.placed': { id: string; total: number };
  'shop.closed': void;
}
const typed = new EventBus<ShopEvents>({ clock: new ManualClock(), compiler: compiled() });
const off = typed.on('order.placed', async (order) => order.total.toFixed(2));
typed.on('order.*', (order) => order.id);
await typed.emit('order.placed', { id: 'o1', total: 42 });
typed.emitSync('shop.closed');
off();

// @ts-expect-error: no such event
typed.on('order.plcaed', () => undefined);
// @ts-expect-error: the payload has another type
void typed.emit('order.placed', { id: 1, total: 42 });
