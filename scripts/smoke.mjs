// What a user's ESM program does with the installed package. Run by the tarball test and by `npm run matrix`.
import { EventBus } from 'ambus';
import * as compiled from 'ambus/compiled';
import * as testing from 'ambus/testing';
import { use } from './smoke-use.cjs';

const seen = await use({ EventBus, compiled, testing });
console.log(`esm ${seen}`);
