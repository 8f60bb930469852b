import type { Task } from '../src/task.ts';
import anli from './anli.ts';
import arc from './arc.ts';
import arithmetic, { paperSets } from './arithmetic.ts';
import cbt from './cbt.ts';
import closedBook from './closed-book.ts';
import cnnDm from './cnn-dm.ts';
import copa from './copa.ts';
import coqa from './coqa.ts';
import demo from './demo.ts';
import drop from './drop.ts';
import glue from './glue.ts';
import gsm8k from './gsm8k.ts';
import hellaswag from './hellaswag.ts';
import lambada from './lambada.ts';
import mmlu from './mmlu.ts';
import multirc from './multirc.ts';
import nli from './nli.ts';
import openbookqa from './openbookqa.ts';
import perplexity from './perplexity.ts';
import piqa from './piqa.ts';
import quac from './quac.ts';
import race from './race.ts';
import record from './record.ts';
import sat from './sat.ts';
import scitail from './scitail.ts';
import scramble from './scramble.ts';
import squadv2 from './squad.ts';
import storycloze from './storycloze.ts';
import superglue from './superglue.ts';
import translation from './translation.ts';
import wic from './wic.ts';
import winograd from './winograd.ts';
import wnli from './wnli.ts';
import wsc from './wsc.ts';

/** Every benchmark, by hand: what is not listed here does not exist. */
export const tasks: readonly Task[] = [
  ...lambada,
  ...cbt,
  hellaswag,
  ...storycloze,
  piqa,
  ...arc,
  openbookqa,
  ...winograd,
  ...anli,
  ...superglue,
  copa,
  wic,
  wsc,
  record,
  wnli,
  ...nli,
  scitail,
  ...glue,
  ...race,
  multirc,
  coqa,
  quac,
  drop,
  squadv2,
  ...closedBook,
  ...translation,
  cnnDm,
  ...arithmetic,
  gsm8k,
  ...scramble,
  sat,
  ...perplexity,
  ...mmlu,
  ...demo,
];

/** Tasks of a run that names none. */
export const coreTasks: readonly string[] = [
  'lambada',
  'cbt-cn',
  'cbt-ne',
  'anli-r1',
  'anli-r2',
  'anli-r3',
  'rte',
  'race-h',
  'coqa',
  'wmt14-fr-en',
  'wmt14-en-fr',
  ...paperSets.map((task) => task.name),
];

/** Tasks of a run that names neither models nor tasks: they need no download. */
export const demoTasks: readonly string[] = demo.map((task) => task.name);
