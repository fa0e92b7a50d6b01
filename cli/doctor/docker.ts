import { dockerClient } from '../../announcer/docker/engine/docker.ts';
import { type EngineClient, EngineError } from '../../announcer/docker/engine/engine.ts';
import { readDockerTls } from '../../announcer/docker/engine/tls.ts';
import { readContainerList } from '../../announcer/docker/list.ts';
import { StartError } from '../../shared/component.ts';
import { type Finding, fine, hint, skewFindings, wrong } from './finding.ts';

/** Names no container: a call about it changes nothing, and is refused or not all the same. */
const NO_SUCH_CONTAINER = 'rollcall-doctor-asks-about-no-container';

/** The engine: whether it answers, in which version, with which clock, and which of our calls it refuses. */
export async function checkDocker(host: string): Promise<Finding[]> {
  let client: EngineClient;
  try {
    client = dockerClient(host, readDockerTls(process.env));
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return [wrong('docker', error.message, 'mend that setting')];
  }
  try {
    const hello = await client.hello();
    const api = hello.apiVersion === '' ? 'an API version that it does not tell' : `API ${hello.apiVersion}`;
    const found = [fine('docker', `${client.description}: Docker ${hello.engineVersion}, spoken to in ${api}`)];
    found.push(...skewFindings('docker', 'the engine', hello.clockMs, Date.now()));
    return [...found, ...(await checkCalls(client))];
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return [wrong('docker', `${client.description}: ${error.message}`, adviceFor(error))];
  } finally {
    client.reset();
  }
}

function adviceFor({ code }: EngineError): string {
  if (code === 'denied') return 'run as root or in the group docker; behind TLS, see DOCKER_CERT_PATH';
  return 'start Docker, or name its socket with --docker (DOCKER_HOST); in a container, mount the directory of the socket, not the socket';
}

async function checkCalls(client: EngineClient): Promise<Finding[]> {
  let first: string | undefined;
  const needed: readonly (readonly [call: string, make: () => Promise<unknown>])[] = [
    [
      'GET /containers/json',
      async () => {
        first = readContainerList(await client.list())?.[0]?.id;
      },
    ],
    ['GET /containers/{id}/json', () => client.inspect(first ?? NO_SUCH_CONTAINER)],
    ['GET /events', async () => (await client.events(Math.floor(Date.now() / 1000))).destroy()],
  ];
  const optional: readonly (readonly [call: string, need: string, make: () => Promise<unknown>])[] = [
    ['POST /containers/{id}/exec', 'rollcall.check=exec:… fails', () => client.exec(NO_SUCH_CONTAINER, ['true'], 1000)],
    ['POST /containers/{id}/stop', '`rollcall drain --stop` fails', () => client.stop(NO_SUCH_CONTAINER, 0)],
  ];
  const findings: Finding[] = [];
  for (const [call, make] of needed) {
    const refusal = await refusalOf(make);
    if (refusal === undefined) continue;
    findings.push(wrong('docker', `${call}: ${refusal}`, 'the announcer cannot do without it: allow it in the proxy'));
  }
  for (const [call, need, make] of optional) {
    const refusal = await refusalOf(make);
    if (refusal === undefined) continue;
    findings.push(hint('docker', `${call}: ${refusal}`, `without it ${need}; all else works`));
  }
  const refused = findings.length;
  return refused > 0 ? findings : [fine('docker', 'no call that rollcall makes is refused')];
}

async function refusalOf(make: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await make();
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error.message;
    throw error;
  }
}
