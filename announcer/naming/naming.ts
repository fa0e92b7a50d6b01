import type { ContainerFacts } from '../facts.ts';
import type { ContainerSettings } from './labels.ts';
import { type ContainerPort, portText } from './port-spec.ts';
import { imageBaseName, ldhLabel, SWARM_SERVICE } from './service-name.ts';

export type ServiceName =
  | { readonly ok: true; readonly label: string; readonly source: string }
  | { readonly ok: false; readonly reason: string };

/** Services of a port: more than one for the lowest of several (see {@link servicesOf}). */
export interface PortServices {
  readonly port: ContainerPort;
  readonly names: readonly ServiceName[];
}

const COMPOSE_SERVICE = 'com.docker.compose.service';

/**
 * The services that each port is announced under.
 *
 * A port with a name of its own (`rollcall.name.<port or port name>`, `SERVICE_<port>_NAME`) has that. The others share the
 * container's name; with `rollcall.port.<name>` labels, or when all are one number, that name alone. Several without
 * names: as registrator, each is `<name>-<container port>`; and the lowest is `<name>` as well, so that a second port
 * published one day does not take the first one's name away.
 */
export function servicesOf(
  ports: readonly ContainerPort[],
  facts: ContainerFacts,
  settings: ContainerSettings,
): PortServices[] {
  const isPlain = ports.some(({ portName }) => portName !== undefined) || numbersOf(ports).size <= 1;
  const own = new Map(ports.map((port) => [port, ownName(port, settings)]));
  const lowest = ports.find((port) => own.get(port) === undefined)?.containerPort;
  const shared = sharedName(facts, settings);
  return ports.map((port): PortServices => {
    const ownText = own.get(port);
    if (ownText !== undefined) return { port, names: [named(ownText)] };
    const name = named(shared);
    if (isPlain || !name.ok) return { port, names: [name] };
    const suffixed = named({ ...shared, text: `${name.label}-${port.containerPort}`, isQuotable: true });
    return { port, names: port.containerPort === lowest ? [name, suffixed] : [suffixed] };
  });
}

interface NameText {
  readonly text: string | undefined;
  /** For `explain`: `label rollcall.name`. */
  readonly source: string;
  /** A variable's value is shown only once it is a service name. */
  readonly isQuotable: boolean;
}

/** Of `rollcall.name.<member>`, the one that names the port: the first of those that could. */
export function namingMember(
  port: ContainerPort,
  { portNames }: Pick<ContainerSettings, 'portNames'>,
): string | undefined {
  const members = [portText(port), String(port.containerPort), port.portName];
  return members.find((member) => member !== undefined && portNames.has(member));
}

function ownName(port: ContainerPort, settings: ContainerSettings): NameText | undefined {
  const member = namingMember(port, settings);
  if (member !== undefined) {
    return { text: settings.portNames.get(member), source: `label rollcall.name.${member}`, isQuotable: true };
  }
  if (settings.name !== undefined) return undefined;
  const field = settings.registrator.field('NAME', port);
  if (!field?.ofPort) return undefined;
  return { text: field.value, source: field.source, isQuotable: !field.fromEnvironment };
}

function sharedName(facts: ContainerFacts, { name, registrator }: ContainerSettings): NameText {
  if (name !== undefined) return { text: name, source: 'label rollcall.name', isQuotable: true };
  const field = registrator.field('NAME');
  if (field !== undefined) return { text: field.value, source: field.source, isQuotable: !field.fromEnvironment };
  for (const label of [SWARM_SERVICE, COMPOSE_SERVICE]) {
    const text = facts.labels[label];
    if (text !== undefined && text !== '') return { text, source: `label ${label}`, isQuotable: true };
  }
  return { text: imageBaseName(facts.image), source: `image ${facts.image}`, isQuotable: true };
}

function named({ text, source, isQuotable }: NameText): ServiceName {
  if (text === undefined) {
    return { ok: false, reason: `${source} is an id, which makes no name; set rollcall.name` };
  }
  const made = ldhLabel(text);
  if (made.ok) return { ok: true, label: made.label, source };
  const value = isQuotable ? JSON.stringify(text.slice(0, 100)) : 'its value';
  return {
    ok: false,
    reason: `service name of ${source}: ${value} ${made.reason}; set rollcall.name to letters, digits and hyphens`,
  };
}

function numbersOf(ports: readonly ContainerPort[]): ReadonlySet<number> {
  return new Set(ports.map(({ containerPort }) => containerPort));
}
