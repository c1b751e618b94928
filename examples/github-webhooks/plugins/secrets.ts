import { definePlugin } from '../define-plugin.js';
import { maskSecrets } from '../handlers/comments.js';
import { scannedEvents, secretScanner } from '../handlers/secret-scanner.js';

/** Finds secrets in what people write, and keeps the bot from repeating them. */
export default definePlugin({
  name: 'secrets',
  version: '3.0.1',
  api: '^1.0',
  // These cut comments: of a secret that isn't gone by then, one half could be left.
  before: ['manners'],

  handlers: {
    'comment.render': { handle: maskSecrets, name: 'mask-secrets' },
  },

  setup(ctx) {
    // One handler for many events; with `handlers` alone each of them would be a line.
    ctx.on(scannedEvents, secretScanner, { name: 'secret-scanner' });
  },
});
