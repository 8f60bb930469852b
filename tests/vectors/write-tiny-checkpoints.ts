import { TINY, writeTiny } from '../helpers/tiny-checkpoints.ts';

// Writes the tiny checkpoints for make_architectures.py: npx tsx tests/vectors/write-tiny-checkpoints.ts DIR
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: write-tiny-checkpoints.ts DIR');
for (const name of Object.keys(TINY)) writeTiny(name, folder);
