// The part of the smoke test that is the same for ESM and CommonJS. Throws where the package doesn't work.
const assert = require('node:assert/strict');

exports.use = async function use({ EventBus, compiled, testing }) {
  const seen = [];
  const bus = new EventBus();
  bus.on('order.placed', (payload) => seen.push(`sync ${payload}`));
  bus.on('order.placed', async (payload) => {
    await Promise.resolve();
    seen.push(`async ${payload}`);
  });
  bus.on('order.*', (payload) => seen.push(`pattern ${payload}`));
  bus.on('shop.closed', (payload) => seen.push(`closed ${payload}`));

  const result = await bus.emit('order.placed', 1);
  assert.equal(result.ok, true);
  assert.equal(result.called, 3);
  assert.equal(bus.emitSync('shop.closed', 2).called, 1);
  assert.deepEqual(seen, ['sync 1', 'async 1', 'pattern 1', 'closed 2']);

  const clock = new testing.ManualClock();
  assert.equal(typeof clock.now(), 'number');

  // With the generated dispatcher, and often enough that it is really used.
  const fast = new EventBus({ compiler: compiled.compiled() });
  let sum = 0;
  fast.on('n', (n) => (sum += n));
  for (let i = 0; i < 20_000; i++) fast.emitSync('n', 1);
  assert.equal(sum, 20_000);
  return 'ok';
};
