import { writeFileSync } from 'node:fs';
import { adversarialTexts, HARD_TEXTS } from '../helpers/adversarial.ts';

// Writes the texts for make_gpt2_tokens.py: npx tsx tests/vectors/write-adversarial.ts FILE
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: write-adversarial.ts FILE');
writeFileSync(file, JSON.stringify({ hard: HARD_TEXTS, texts: adversarialTexts(20_000) }));
