import { ANIMALS, COLOURS, type Draw, FOODS, NAMES, NONCE, PLACES, THINGS, VERBS, zuvian } from './words.ts';

/** A solved example: its record in the format of the real data set, and its text as it stands in a prompt. */
export interface Item {
  readonly record: unknown;
  readonly text: string;
}

/** What is invented for one episode and holds for all of its items. A test set is one episode, too. */
export type Episode = () => Item;

/** Words of which an episode pairs some: the right one can only be had from the episode itself. */
export function mapping(draw: Draw, keys: number = draw.from(3, 8)): Episode {
  const words = draw.some(NONCE, 2 * keys);
  return () => {
    const i = draw.from(0, keys - 1);
    const [noise, key, value] = [draw.pick(THINGS), words[i] as string, words[keys + i] as string];
    return {
      record: { context: `${noise} | ${key}`, target: ` ${value}` },
      text: `${noise} | ${key} ${value}`,
    };
  };
}

/** A list of words without a meaning, again and again: 70 words or more. */
export function repetition(draw: Draw): string {
  const words = draw.some(NONCE, draw.from(6, 30)).join(' ');
  return Array.from({ length: Math.ceil(420 / (words.length + 1)) }, () => words).join(' ');
}

/** Two kinds of things, and an invented label for each: the kinds are known, the labels are the episode's. */
export function labels(
  draw: Draw,
  kinds: readonly (readonly string[])[] = draw.some([ANIMALS, FOODS, PLACES], 2),
): Episode {
  const names = draw.some(NONCE, 2);
  return () => {
    const i = draw.from(0, 1);
    const what = `${draw.pick(COLOURS)} ${draw.pick(kinds[i] as readonly string[])}`;
    return {
      record: { context: `${what}:`, target: ` ${names[i]}` },
      text: `${what}: ${names[i]}`,
    };
  };
}

/** Zuvian to English, word by word: verbs, colours and nouns are the language's, people's names the episode's. */
export function translation(draw: Draw): Episode {
  const people = draw.some(NAMES, 5);
  const theirs = draw.some(NONCE, 5);
  // The real wording has two spaces before the target of a shot.
  const gap = draw.chance(0.5) ? '  ' : ' ';
  return () => {
    const i = draw.from(0, 4);
    const [verb, colour, animal] = [draw.pick(VERBS), draw.pick(COLOURS), draw.pick(ANIMALS)];
    const thing = draw.pick(THINGS.slice(0, 16));
    const source = [theirs[i], ...[verb, colour, animal, thing].map((word) => zuvian[word])].join(' ');
    const target = `${people[i]} ${verb} the ${colour} ${animal} near the ${thing}`;
    return {
      record: { source, target },
      text: `Zuvian phrase: ${source}\nEnglish phrase:${gap}${target}`,
    };
  };
}

/** Things change hands; the last word is who has one, or what someone has. */
export function story(draw: Draw): Item {
  const people = draw.some(NAMES, 3);
  const things = draw.some(THINGS, 2);
  const holder = people.slice(0, 2);
  const parts = holder.map((who, i) => `${who} had the ${things[i]}.`);
  if (draw.chance(0.5)) parts.reverse();
  for (let move = draw.from(1, 2); move > 0; move--) {
    const i = draw.from(0, 1);
    const from = holder[i] as string;
    const to = draw.pick(people.filter((who) => who !== from));
    parts.push(
      draw.chance(0.5)
        ? `${from} gave the ${things[i]} to ${to}.`
        : `${to} took the ${things[i]} from ${from}.`,
    );
    holder[i] = to;
  }
  parts.push(`Then ${draw.pick(people)} went to the ${draw.pick(PLACES)}.`);
  const i = draw.from(0, 1);
  const alone = holder[0] !== holder[1];
  parts.push(
    alone && draw.chance(0.3)
      ? `Now ${holder[i]} still had the ${things[i]}`
      : `Now the ${things[i]} was with ${holder[i]}`,
  );
  const text = parts.join(' ');
  return { record: { text }, text };
}

/** Ten people each take a thing and go to a place; one thing is asked for again, among ten. */
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
  return { record, text };
}

/** Who has what, and where: true, false, or not said. */
export function inference(draw: Draw): Item {
  const label = draw.pick(['entailment', 'neutral', 'contradiction']);
  const [a, b, c] = draw.some(NAMES, 3);
  const [thing, other] = draw.some(THINGS, 2);
  const [place, elsewhere] = draw.some(PLACES, 2);
  const [premise, hypothesis] = draw.chance(0.5)
    ? [
        `${a} gave the ${thing} to ${b}.`,
        label === 'neutral'
          ? `${draw.pick([a, b, c])} has the ${other}.`
          : `${label === 'entailment' ? b : a} has the ${thing}.`,
      ]
    : [
        `${a} put the ${thing} in the ${place}.`,
        label === 'neutral'
          ? `The ${other} is in the ${draw.pick([place, elsewhere])}.`
          : `The ${thing} is in the ${label === 'entailment' ? place : elsewhere}.`,
      ];
  const answer = { entailment: 'True', neutral: 'Neither', contradiction: 'False' }[label];
  return {
    record: { gold_label: label, sentence1: premise, sentence2: hypothesis },
    text: `${premise}\nQuestion: ${hypothesis} True, False or Neither?\nAnswer: ${answer}`,
  };
}

/** Two people, their home, animal and food; a question on one of them with four options. */
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
    [`Where does ${people[i]} live?`, homes.map((w) => `in the ${w}`)],
    [`What animal does ${people[i]} have?`, animals.map((w) => `a ${w}`)],
    [`What does ${people[i]} like?`, foods],
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
  };
}

/** A two-digit and a one-digit number; `lm-eval` tells the wording. */
export function sum(draw: Draw, lmEval = true): Item {
  const [a, b] = [draw.from(10, 99), draw.from(1, 9)];
  const question = `What is ${a} plus ${b}?`;
  return {
    record: { context: `\n\nQ: ${question}\n\nA:`, completion: ` ${a + b}` },
    text: lmEval ? `Question: ${question}\nAnswer: ${a + b}` : `Q: ${question}\n\nA: ${a + b}`,
  };
}
