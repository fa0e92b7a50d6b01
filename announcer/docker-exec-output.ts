/** As much of a command's output as a reason needs. */
const OUTPUT_MAX = 512;
const HEADER_OCTETS = 8;

/**
 * Takes the engine's multiplexed stream apart (8 octets before each piece: stream, three zeros, length) and keeps the
 * beginning of what was printed on either stream.
 */
export class ExecOutput {
  #header: number[] = [];
  #left = 0;
  readonly #kept: Buffer[] = [];
  #octets = 0;

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left === 0) {
        this.#header.push(chunk[at] as number);
        at += 1;
        if (this.#header.length < HEADER_OCTETS) continue;
        this.#left = Buffer.from(this.#header).readUInt32BE(4);
        this.#header = [];
      } else {
        const piece = chunk.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        if (this.#octets < OUTPUT_MAX) this.#kept.push(piece.subarray(0, OUTPUT_MAX - this.#octets));
        this.#octets += piece.length;
      }
    }
  }

  get text(): string {
    return Buffer.concat(this.#kept).toString('utf8').trim();
  }
}
