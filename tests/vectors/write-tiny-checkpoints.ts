import { TINY, writeTiny } from '../helpers/tiny-checkpoints.ts';

// Writes the tiny checkpoints for make_architectures.py: npx tsx tests/vectors/write-tiny-checkpoints.ts DIR
// and the one for make_exports.py: npx tsx tests/vectors/write-tiny-checkpoints.ts DIR exported
const [folder, ...names] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: write-tiny-checkpoints.ts DIR [NAME…]');
for (const name of names.length > 0 ? names : Object.keys(TINY)) writeTiny(name, folder);
