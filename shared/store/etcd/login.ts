import { LoginError } from './errors.ts';

/** One login, shared by the calls that need it. */
export class Login {
  readonly #authenticate: (() => Promise<string>) | undefined;
  readonly #notNeeded: (reason: string) => void;
  #token: string | undefined;
  #pending: Promise<string | undefined> | undefined;
  #off = false;

  /** @param authenticate undefined: there is no user */
  constructor(authenticate: (() => Promise<string>) | undefined, notNeeded: (reason: string) => void) {
    this.#authenticate = authenticate;
    this.#notNeeded = notNeeded;
  }

  get hasUser(): boolean {
    return this.#authenticate !== undefined;
  }

  /** @returns undefined when none is needed; @throws {LoginError} when user or password is refused */
  async token(): Promise<string | undefined> {
    if (this.#authenticate === undefined || this.#off) return undefined;
    if (this.#token !== undefined) return this.#token;
    this.#pending ??= this.#ask(this.#authenticate).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /** @param token forget only this one: another call may have logged in anew already */
  forget(token = this.#token): void {
    this.#off = false;
    if (this.#token === token) this.#token = undefined;
  }

  async #ask(authenticate: () => Promise<string>): Promise<string | undefined> {
    try {
      this.#token = await authenticate();
    } catch (error) {
      if (!(error instanceof LoginError) || !/authentication is not enabled/.test(error.message)) throw error;
      this.#off = true;
      this.#notNeeded(error.message);
    }
    return this.#token;
  }
}
