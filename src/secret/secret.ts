/**
 * A value that will not print: string conversion, JSON and inspection give `***`. `reveal` is the only way to the value, so a search for it finds
 * every place that handles one.
 */
export class Secret {
  readonly #value: string;
  /** Where it came from, for messages: `env:PLATFORMCTL_SSH_KEY`. */
  readonly source: string;

  constructor(value: string, source: string) {
    this.#value = value;
    this.source = source;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***';
  }
}
