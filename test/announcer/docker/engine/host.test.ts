import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeDockerAddress, parseDockerHost } from '../../../../announcer/docker/engine/host.ts';

const test = suite('announcer/docker-host');

const READ: readonly [text: string, tls: boolean, described: string][] = [
  ['', false, 'unix:///var/run/docker.sock'],
  ['unix://', false, 'unix:///var/run/docker.sock'],
  ['unix:///run/user/1000/docker.sock', false, 'unix:///run/user/1000/docker.sock'],
  ['/run/podman/podman.sock', false, 'unix:///run/podman/podman.sock'],
  ['tcp://192.0.2.1:2375', false, 'tcp://192.0.2.1:2375'],
  ['tcp://192.0.2.1', false, 'tcp://192.0.2.1:2375'],
  ['tcp://192.0.2.1', true, 'https://192.0.2.1:2376'],
  ['tcp://192.0.2.1:2376', true, 'https://192.0.2.1:2376'],
  ['tcp://[2001:db8::1]:2375', false, 'tcp://[2001:db8::1]:2375'],
  ['tcp://docker.example.org:80', false, 'tcp://docker.example.org:80'],
  ['http://docker.example.org:80/', false, 'tcp://docker.example.org:80'],
  ['https://docker.example.org', false, 'https://docker.example.org:2376'],
  ['docker.example.org:2375', false, 'tcp://docker.example.org:2375'],
];

for (const [text, tls, described] of READ) {
  test(`reads ${JSON.stringify(text)}${tls ? ' with certificates' : ''}`, () => {
    const read = parseDockerHost(text, tls);
    assert.is(read.ok ? describeDockerAddress(read.address) : read.reason, described);
  });
}

const REFUSED: readonly [text: string, reason: RegExp][] = [
  ['ssh://root@192.0.2.1', /ssh is not spoken/],
  ['npipe:////./pipe/docker_engine', /npipe:\/\/ is not known/],
  ['unix://run/docker.sock', /must be absolute/],
  ['tcp://192.0.2.1:2375/v1.41', /host and port only/],
  ['tcp://user@192.0.2.1:2375', /host and port only/],
  ['tcp://', /no address/],
  ['tcp://192.0.2.1:99999', /no address/],
];

for (const [text, reason] of REFUSED) {
  test(`refuses ${text}, and says why`, () => {
    const read = parseDockerHost(text, false);
    assert.match(read.ok ? 'read' : read.reason, reason);
  });
}

test.run();
