export { type CompiledOptions, compiled } from './generated-dispatch.js';
