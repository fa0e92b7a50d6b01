/** An event, or only where the reader stands from now on: at least one of the two is there. */
export interface ServerSentEvent {
  readonly id?: string;
  readonly data?: string;
}

/** Puts server-sent events together from the pieces in which a connection brings them. Comments are left out. */
export class ServerSentEvents {
  #rest = '';

  /** @returns what is whole now */
  push(text: string): ServerSentEvent[] {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      const lines = block.split('\n');
      const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
      const id = lines.find((line) => line.startsWith('id: '))?.slice(4);
      if (data.length === 0 && id === undefined) return [];
      return [{ ...(id !== undefined && { id }), ...(data.length > 0 && { data: data.join('\n') }) }];
    });
  }
}
