import type { ContainerFacts } from '../facts.ts';

/**
 * registrator's `SERVICE_…` as labels and environment variables. A field for a port (`SERVICE_80_NAME`, and
 * `SERVICE_53_udp_NAME` as its forks have it) wins over the general one, then a label over a variable.
 * These four are given to be published; no other variable comes here (docs/decisions/0016).
 */
export interface RegistratorField {
  /** The label or variable that holds it, as `label SERVICE_80_NAME`. */
  readonly source: string;
  readonly value: string;
  /** Whether it was given for this very port. */
  readonly ofPort: boolean;
  readonly fromEnvironment: boolean;
}

type Field = 'NAME' | 'IGNORE' | 'TAGS' | 'ID';

interface Entry {
  readonly field: string;
  readonly port: number | undefined;
  readonly protocol: string | undefined;
  readonly found: RegistratorField;
}

const NAME_OF_FIELD = /^SERVICE_(?:(\d{1,5})_(?:(tcp|udp)_)?)?([A-Za-z][A-Za-z_]*)$/i;

export class RegistratorSettings {
  /** By field and port (`NAME 80`, `NAME ` of the container); the most specific first. */
  readonly #entries = new Map<string, Entry[]>();

  constructor(facts: ContainerFacts) {
    const entries = [...entriesOf(facts.labels, false), ...entriesOf(facts.serviceEnvironment, true)];
    for (const entry of entries.sort((a, b) => rankOf(b) - rankOf(a))) {
      const place = placeOf(entry.field, entry.port);
      const there = this.#entries.get(place);
      if (there === undefined) this.#entries.set(place, [entry]);
      else there.push(entry);
    }
  }

  field(
    field: Field,
    port?: { readonly containerPort: number; readonly protocol: string },
  ): RegistratorField | undefined {
    const isMeant = ({ protocol }: Entry): boolean => protocol === undefined || protocol === port?.protocol;
    const ofPort =
      port === undefined ? undefined : this.#entries.get(placeOf(field, port.containerPort))?.find(isMeant);
    return (ofPort ?? this.#entries.get(placeOf(field, undefined))?.find(isMeant))?.found;
  }

  /**
   * What says that the container, or with `port` that port alone, is to be left out. registrator ignores on any value;
   * `SERVICE_IGNORE=false` ignoring is what its users complain of.
   */
  ignoredBy(port?: { readonly containerPort: number; readonly protocol: string }): string | undefined {
    const ignore = this.field('IGNORE', port);
    if (ignore === undefined || ignore.ofPort !== (port !== undefined)) return undefined;
    if (/^(?:false|0|no|off)$/i.test(ignore.value.trim())) return undefined;
    return ignore.source;
  }

  /** Whether the container has no such field. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }
}

/** Empty values are absent ones: Compose files leave them when a variable is unset. */
function entriesOf(fields: Readonly<Record<string, string>>, fromEnvironment: boolean): Entry[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    const match = name.startsWith('SERVICE_') ? NAME_OF_FIELD.exec(name) : null;
    if (match === null || value.trim() === '') return [];
    const port = match[1] === undefined ? undefined : Number(match[1]);
    const source = `${fromEnvironment ? 'variable' : 'label'} ${name}`;
    return [
      {
        field: (match[3] ?? '').toUpperCase(),
        port,
        protocol: match[2]?.toLowerCase(),
        found: { source, value, ofPort: port !== undefined, fromEnvironment },
      },
    ];
  });
}

function placeOf(field: string, port: number | undefined): string {
  return `${field} ${port ?? ''}`;
}

function rankOf({ port, protocol, found }: Entry): number {
  return (protocol === undefined ? 0 : 4) + (port === undefined ? 0 : 2) + (found.fromEnvironment ? 0 : 1);
}
