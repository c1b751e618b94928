// What a user's CommonJS program does with the installed package. Run by the tarball test and by `npm run matrix`.
const { EventBus } = require('ambus');
const compiled = require('ambus/compiled');
const testing = require('ambus/testing');
const { use } = require('./smoke-use.cjs');

void use({ EventBus, compiled, testing }).then((seen) => console.log(`cjs ${seen}`));
