import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CHALLENGE_BYTES,
  ClientHandshake,
  HELLO_BYTES,
  PROOF_BYTES,
  ServerHandshake,
  TREE,
} from '../../src/net/handshake.ts';

const SECRET = Buffer.alloc(32, 7);
const OTHER = Buffer.alloc(32, 8);
const GREETING = { kind: TREE, from: 5, to: 4 } as const;

const refused = (error: unknown) => (error as { code?: string }).code === 'AUTHENTICATION';

const handshake = suite('net/handshake');

handshake('both sides prove themselves', () => {
  const client = new ClientHandshake(SECRET, GREETING);
  assert.is(client.hello.length, HELLO_BYTES);
  const server = new ServerHandshake(SECRET, client.hello);
  assert.equal(server.greeting, GREETING);
  assert.is(server.challenge.length, CHALLENGE_BYTES);
  const { proof, keys } = client.prove(server.challenge);
  assert.is(proof.length, PROOF_BYTES);
  const others = server.verify(proof);
  assert.equal(others, { write: keys.read, read: keys.write });
  assert.not.equal(keys.read, keys.write);
});

handshake('a client without the secret is refused', () => {
  const client = new ClientHandshake(OTHER, GREETING);
  const server = new ServerHandshake(SECRET, client.hello);
  // It cannot check the challenge, and whatever it makes up does not pass.
  assert.throws(() => client.prove(server.challenge), refused);
  const blind = new ServerHandshake(OTHER, client.hello);
  assert.throws(() => server.verify(client.prove(blind.challenge).proof), refused);
});

handshake('a server without the secret is refused before anything is proved to it', () => {
  const client = new ClientHandshake(SECRET, GREETING);
  const server = new ServerHandshake(OTHER, client.hello);
  assert.throws(() => client.prove(server.challenge), refused);
});

handshake('a recorded proof is worth nothing on the next connection', () => {
  const client = new ClientHandshake(SECRET, GREETING);
  const first = new ServerHandshake(SECRET, client.hello);
  const { proof } = client.prove(first.challenge);
  first.verify(proof);
  const second = new ServerHandshake(SECRET, client.hello);
  assert.throws(() => second.verify(proof), refused);
});

handshake('every connection has keys of its own, which a stranger does not find', () => {
  const all = [SECRET, SECRET, OTHER].flatMap(secret => {
    const client = new ClientHandshake(secret, GREETING);
    const { keys } = client.prove(new ServerHandshake(secret, client.hello).challenge);
    return [keys.read.toString('hex'), keys.write.toString('hex')];
  });
  assert.is(new Set(all).size, 6);
});

handshake('a challenge cannot be reflected as a proof', () => {
  const client = new ClientHandshake(SECRET, GREETING);
  const server = new ServerHandshake(SECRET, client.hello);
  assert.throws(() => server.verify(server.challenge.subarray(-PROOF_BYTES)), refused);
});

handshake('every flipped bit of hello, challenge or proof is refused', () => {
  const client = new ClientHandshake(SECRET, GREETING);
  const server = new ServerHandshake(SECRET, client.hello);
  const { proof } = client.prove(server.challenge);
  const flipped = (bytes: Buffer, bit: number) => {
    const copy = Buffer.from(bytes);
    copy[bit >> 3]! ^= 1 << (bit & 7);
    return copy;
  };
  for (let bit = 0; bit < HELLO_BYTES * 8; bit++) {
    assert.throws(() => {
      const misled = new ServerHandshake(SECRET, flipped(client.hello, bit));
      client.prove(misled.challenge);
    }, refused);
  }
  for (let bit = 0; bit < CHALLENGE_BYTES * 8; bit++) {
    assert.throws(() => client.prove(flipped(server.challenge, bit)), refused);
  }
  for (let bit = 0; bit < PROOF_BYTES * 8; bit++) {
    assert.throws(() => server.verify(flipped(proof, bit)), refused);
  }
});

handshake.run();
