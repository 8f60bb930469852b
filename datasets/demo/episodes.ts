import { ANIMALS, COLOURS, type Draw, FOODS, NAMES, NONCE, PLACES, THINGS, VERBS, zuvian } from './words.ts';

/** A solved example: its record in the format of the real data set, and its text as it stands in a prompt. */
export interface Item {
  readonly record: unknown;
  readonly text: string;
  /** Characters at the text's end that can be told from what is before them; what they are is worth learning. */
  readonly told: number;
}

/** What is invented for one episode and holds for all of its items. A test set is one episode, too. */
export type Episode = () => Item;

/** Words of which an episode pairs some: the right one can only be had from the episode itself. */
export function mapping(draw: Draw, keys: number = draw.from(3, 8)): Episode {
  const words = draw.some(NONCE, 2 * keys);
  const seen = new Set<number>();
  return () => {
    const i = draw.from(0, keys - 1);
    const [noise, key, value] = [draw.pick(THINGS), words[i] as string, words[keys + i] as string];
    const told = seen.has(i) ? value.length + 1 : 0;
    seen.add(i);
    return {
      record: { context: `${noise} | ${key}`, target: ` ${value}` },
      text: `${noise} | ${key} ${value}`,
      told,
    };
  };
}

/** A list of words without a meaning, again and again: 70 words or more. */
export function repetition(draw: Draw): Item {
  const words = draw.some(NONCE, draw.from(6, 30)).join(' ');
  const times = Math.ceil(420 / (words.length + 1));
  const text = Array.from({ length: times }, () => words).join(' ');
  return { record: null, text, told: text.length - words.length };
}

/** Two kinds of things, and an invented label for each: the kinds are known, the labels are the episode's. */
export function labels(
  draw: Draw,
  kinds: readonly (readonly string[])[] = draw.some([ANIMALS, FOODS, PLACES], 2),
): Episode {
  const names = draw.some(NONCE, 2);
  const seen = new Set<number>();
  return () => {
    const i = draw.from(0, 1);
    const what = `${draw.pick(COLOURS)} ${draw.pick(kinds[i] as readonly string[])}`;
    const name = names[i] as string;
    const told = seen.has(i) ? name.length + 1 : 0;
    seen.add(i);
    return { record: { context: `${what}:`, target: ` ${name}` }, text: `${what}: ${name}`, told };
  };
}

/** Zuvian to English, word by word: verbs, colours and nouns are the language's, people's names the episode's. */
export function translation(draw: Draw): Episode {
  const people = draw.some(NAMES, 5);
  const theirs = draw.some(NONCE, 5);
  // The real wording has two spaces before the target of a shot.
  const gap = draw.chance(0.5) ? '  ' : ' ';
  const seen = new Set<number>();
  return () => {
    const i = draw.from(0, 4);
    const [verb, colour, animal] = [draw.pick(VERBS), draw.pick(COLOURS), draw.pick(ANIMALS)];
    const thing = draw.pick(THINGS.slice(0, 16));
    const source = [theirs[i], ...[verb, colour, animal, thing].map((word) => zuvian[word])].join(' ');
    const known = ` ${verb} the ${colour} ${animal} near the ${thing}`;
    const who = people[i] as string;
    const told = known.length + (seen.has(i) ? gap.length + who.length : 0);
    seen.add(i);
    return {
      record: { source, target: who + known },
      text: `Zuvian phrase: ${source}\nEnglish phrase:${gap}${who}${known}`,
      told,
    };
  };
}

/** Who has what; half of the things change hands. The last word is who has one in the end. */
export function story(draw: Draw): Item {
  const people = draw.some(NAMES, 4);
  const things = draw.some(THINGS, 3);
  const holder = people.slice(0, 3);
  const parts = holder.map((who, i) =>
    draw.chance(0.6) ? `The ${things[i]} was with ${who}.` : `${who} had the ${things[i]}.`,
  );
  const i = draw.from(0, 2);
  if (draw.chance(0.5)) {
    const moved = draw.chance(0.7) ? i : draw.from(0, 2);
    const to = draw.pick(people.filter((who) => who !== holder[moved]));
    parts.push(
      draw.chance(0.5) ? `Then the ${things[moved]} went to ${to}.` : `Then ${to} took the ${things[moved]}.`,
    );
    holder[moved] = to;
  }
  parts.push(`Then ${draw.pick(people)} went to the ${draw.pick(PLACES)}.`);
  const answer = holder[i] as string;
  parts.push(`Now the ${things[i]} was with ${answer}`);
  const text = parts.join(' ');
  return { record: { text }, text, told: answer.length + 1 };
}

/** Ten people each take a thing and see an animal; one thing is asked for again, among ten. */
export function cloze(draw: Draw): Item {
  const people = draw.some(NAMES, 10);
  const things = draw.some(THINGS, 10);
  const lines = draw.some(
    people.flatMap((who, i) => [`${who} took the ${things[i]} .`, `${who} saw a ${draw.pick(ANIMALS)} .`]),
    20,
  );
  const i = draw.from(0, 9);
  const answer = things[i] as string;
  const numbered = lines.map((line, n) => `${n + 1} ${line}`).join('\n');
  const record = `${numbered}\n21 ${people[i]} took the XXXXX .\t${answer}\t\t${draw.some(things, 10).join('|')}`;
  const text = [...lines, `${people[i]} took the ${answer} .`].join(' ').replaceAll(' .', '.');
  return { record, text, told: answer.length + 2 };
}

/** Where something is, or who has it: the hypothesis is true, false, or not said. */
export function inference(draw: Draw): Item {
  const label = draw.pick(['entailment', 'neutral', 'contradiction'] as const);
  const [thing, other] = draw.some(THINGS, 2);
  const [is, isNot] = draw.chance(0.5)
    ? draw.some(NAMES, 2).map((who) => `is with ${who}`)
    : draw.some(PLACES, 2).map((place) => `is in the ${place}`);
  const premise = `The ${thing} ${is}.`;
  const hypothesis =
    label === 'neutral'
      ? `The ${other} ${draw.pick([is, isNot])}.`
      : `The ${thing} ${label === 'entailment' ? is : isNot}.`;
  const answer = { entailment: 'True', neutral: 'Neither', contradiction: 'False' }[label];
  return {
    record: { gold_label: label, sentence1: premise, sentence2: hypothesis },
    text: `${premise}\nQuestion: ${hypothesis} True, False or Neither?\nAnswer: ${answer}`,
    told: answer.length + 1,
  };
}

/** Two people, their home, animal and food; a sentence on one of them is to be completed, with four options. */
export function reading(draw: Draw): Item {
  const people = draw.some(NAMES, 2);
  const [homes, animals, foods] = [draw.some(PLACES, 4), draw.some(ANIMALS, 4), draw.some(FOODS, 4)];
  const facts = people.flatMap((who, i) => [
    `${who} lives in the ${homes[i]}.`,
    `${who} has a ${animals[i]}.`,
    `${who} likes ${foods[i]}.`,
  ]);
  const article = draw.some(facts, 6).join(' ');
  const i = draw.from(0, 1);
  const [question, all] = draw.pick([
    [`${people[i]} lives`, homes.map((w) => `in the ${w}`)],
    [`${people[i]} has`, animals.map((w) => `a ${w}`)],
    [`${people[i]} likes`, foods],
  ] as [string, string[]][]);
  const answer = all[i] as string;
  const options = draw.some(all, 4);
  return {
    record: {
      article,
      questions: [question],
      options: [options],
      answers: ['ABCD'[options.indexOf(answer)]],
    },
    text: `Article: ${article}\n\n${question} ${answer}`,
    told: answer.length + 1,
  };
}

/** A two-digit and a one-digit number; `lm-eval` tells the wording. */
export function sum(draw: Draw, lmEval = true): Item {
  const [a, b] = [draw.from(10, 99), draw.from(1, 9)];
  const question = `What is ${a} plus ${b}?`;
  const answer = ` ${a + b}`;
  return {
    record: { context: `\n\nQ: ${question}\n\nA:`, completion: answer },
    text: `${lmEval ? `Question: ${question}\nAnswer:` : `Q: ${question}\n\nA:`}${answer}`,
    told: answer.length,
  };
}
