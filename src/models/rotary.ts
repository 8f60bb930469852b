import { UserError } from '../errors.ts';
import type { ConfigReader } from './config.ts';

/** Rotary position embedding: frequency of each pair of dimensions, and a factor on cosine and sine. */
export interface Rotary {
  /** Radians a position, [R/2] for R rotated dimensions of a head; float32 values. */
  readonly frequencies: readonly number[];
  /** 1 but for YaRN. */
  readonly factor: number;
}

const f32 = Math.fround;
const TYPES = ['default', 'linear', 'dynamic', 'yarn', 'llama3'] as const;
type RotaryType = (typeof TYPES)[number];

/** What each kind may say besides its name, its base and the share of a head that turns. */
const KEYS: Readonly<Record<RotaryType, readonly string[]>> = {
  default: [],
  linear: ['factor'],
  dynamic: ['factor', 'original_max_position_embeddings'],
  yarn: [
    'factor',
    'attention_factor',
    'beta_fast',
    'beta_slow',
    'mscale',
    'mscale_all_dim',
    'truncate',
    'original_max_position_embeddings',
  ],
  llama3: ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'],
};

/** Dimensions of a head beyond any model's: their table would be made before a tensor contradicts it. */
const LARGEST = 2 ** 16;

export interface RotaryDefaults {
  readonly headSize: number;
  readonly contextLength: number;
  /** Old names of the base and of the share of a head that turns, outside of the parameters' object. */
  readonly baseKey: string;
  readonly shareKey: string;
  readonly share: number;
}

/**
 * Reads `rope_parameters` (or the older `rope_scaling`, `rope_theta` and their kin) as transformers does, in its
 * float32 arithmetic. Dynamic scaling begins beyond the window and so changes nothing inside it.
 * Source: transformers, modeling_rope_utils.py; YaRN: Peng et al. 2023, arXiv:2309.00071; llama3: Llama 3.1's release.
 * @throws UserError for a kind or parameter that is not known
 */
export function readRotary(config: ConfigReader, defaults: RotaryDefaults): Rotary {
  const base0 = config.number(defaults.baseKey, 10_000);
  const share0 = config.number(defaults.shareKey, defaults.share);
  const [newer, older] = [config.raw('rope_parameters'), config.raw('rope_scaling')];
  const key = newer == null ? 'rope_scaling' : 'rope_parameters';
  if (newer != null && older != null && JSON.stringify(newer) !== JSON.stringify(older))
    config.fail('rope_scaling', 'what "rope_parameters" says, or nothing');
  const given = newer ?? older ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) config.fail(key, 'an object');
  const parameters = given as Readonly<Record<string, unknown>>;
  const type = (parameters.rope_type ?? parameters.type ?? 'default') as RotaryType;
  if (!TYPES.includes(type)) config.fail(key, `"rope_type" to be one of ${TYPES.join(', ')}`);
  const known = ['rope_type', 'type', 'rope_theta', 'partial_rotary_factor', ...KEYS[type]];
  const unknown = Object.keys(parameters).find((name) => !known.includes(name) && parameters[name] != null);
  if (unknown !== undefined) config.fail(key, `no "${unknown}" for the kind "${type}"`);
  const number = (name: string, fallback?: number): number => {
    const value = parameters[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) config.fail(key, `"${name}" to be a number`);
    return value as number;
  };

  const base = number('rope_theta', base0);
  const size = Math.trunc(defaults.headSize * number('partial_rotary_factor', share0));
  if (size < 2 || size % 2 !== 0 || size > defaults.headSize || size > LARGEST) {
    throw new UserError(`config.json: ${size} of ${defaults.headSize} dimensions of a head would be rotated`);
  }
  const powers = Array.from({ length: size / 2 }, (_, i) => f32(base ** f32((2 * i) / size)));
  const plain = powers.map((power) => f32(1 / power));
  switch (type) {
    case 'default':
    case 'dynamic':
      return { frequencies: plain, factor: 1 };
    case 'linear':
      return { frequencies: plain.map((f) => f32(f / number('factor'))), factor: 1 };
    case 'llama3': {
      const [factor, low, high] = [number('factor'), number('low_freq_factor'), number('high_freq_factor')];
      const old = number('original_max_position_embeddings', defaults.contextLength);
      const frequencies = plain.map((f) => {
        const wavelength = f32(f32(2 * Math.PI) / f);
        if (wavelength > old / low) return f32(f / factor);
        if (wavelength < old / high) return f;
        const smooth = f32((f32(old / wavelength) - low) / (high - low));
        return f32(f32((f32(1 - smooth) * f) / factor) + f32(smooth * f));
      });
      return { frequencies, factor: 1 };
    }
    case 'yarn': {
      const old = number('original_max_position_embeddings', defaults.contextLength);
      const factor = number('factor', defaults.contextLength / old);
      const dimension = (rotations: number): number =>
        (size * Math.log(old / (rotations * 2 * Math.PI))) / (2 * Math.log(base));
      const whole = parameters.truncate !== false;
      const [first, last] = [dimension(number('beta_fast', 0) || 32), dimension(number('beta_slow', 0) || 1)];
      const low = Math.max(whole ? Math.floor(first) : first, 0);
      const high = Math.min(whole ? Math.ceil(last) : last, size - 1);
      const width = high === low ? 0.001 : high - low;
      const frequencies = powers.map((power, i) => {
        const ramp = Math.min(Math.max(f32((i - low) / width), 0), 1);
        return f32(f32(f32(1 / f32(factor * power)) * ramp) + f32(f32(1 / power) * f32(1 - ramp)));
      });
      const scale = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
      const [all, one] = [number('mscale_all_dim', 0), number('mscale', 0)];
      const implied = all && one ? scale(one) / scale(all) : scale(1);
      return { frequencies, factor: number('attention_factor', implied) };
    }
  }
}

/**
 * Cosines and sines [S, R/2] at the given positions. Computed here and fed, not in the graph: accelerators may
 * round the sine of a large angle badly.
 */
export function rotaryTables(
  { frequencies, factor }: Rotary,
  positions: Int32Array,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const half = frequencies.length;
  const [cos, sin] = [new Float32Array(positions.length * half), new Float32Array(positions.length * half)];
  for (const [s, position] of positions.entries()) {
    for (let i = 0; i < half; i++) {
      const angle = f32(position * frequencies[i]!);
      cos[s * half + i] = f32(Math.cos(angle)) * factor;
      sin[s * half + i] = f32(Math.sin(angle)) * factor;
    }
  }
  return { cos, sin };
}
