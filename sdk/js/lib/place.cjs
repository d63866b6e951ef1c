'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { failure } = require('./errors.cjs');

/** runToken is what a token of one `tacit run` begins with. Its socket is our own user's, and gone with the run: after that, somebody else may make another at the same path. */
const runToken = 'tacit_run_';

/** files says where the vault and the agent's socket of an environment are: below TACIT_DIR, else in the XDG directories. */
function files(env, home) {
  if (env.TACIT_DIR) {
    const dir = path.resolve(env.TACIT_DIR);
    return { vault: path.join(dir, 'vault.db'), socket: path.join(dir, 'agent.sock') };
  }
  // A relative XDG value is ignored, as its specification says.
  const dir = (variable, ...fallback) =>
    path.isAbsolute(env[variable] ?? '') ? path.join(env[variable], 'tacit') : path.join(home, ...fallback, 'tacit');
  return {
    vault: path.join(dir('XDG_DATA_HOME', '.local', 'share'), 'vault.db'),
    socket: path.join(dir('XDG_RUNTIME_DIR', '.local', 'state'), 'agent.sock'),
  };
}

/**
 * find says whom to ask, as the command line does: what addr and token say, else the agent of this vault. The place has a socket or a url;
 * absent is the error when nobody is at the socket, vault the path that the agent there must serve, and foreign says that
 * the socket may be somebody else's, which takes a token.
 */
function find({ addr, token }, env, home = os.homedir()) {
  addr ||= env.TACIT_ADDR || '';
  token ||= env.TACIT_TOKEN || '';
  if (!/^[!-~]*$/.test(token)) {
    throw failure('usage', 'the token has a character that none has: a space, or the end of a line', 'set TACIT_TOKEN to what `tacit token create` printed');
  }
  if (addr) return named(addr, token);
  if (truthy(env.TACIT_NO_AGENT)) {
    throw failure('usage', 'TACIT_NO_AGENT forbids to ask the agent, and only the command line opens a vault itself', 'unset TACIT_NO_AGENT');
  }
  const { socket, vault } = files(env, home);
  if (token) {
    const absent = failure('locked', 'TACIT_TOKEN is set and there is no agent or server to answer it', 'tacit unlock');
    return { socket, token, absent };
  }
  return { socket, token, vault, absent: failure('locked', 'no agent is running, and only that opens the vault for programs', 'tacit unlock') };
}

function named(addr, token) {
  const bad = (why) => failure('usage', `TACIT_ADDR: ${why}`, 'write unix:/path/to/agent.sock or https://host');
  if (addr.startsWith('unix:')) {
    const socket = addr.slice('unix:'.length);
    if (!path.isAbsolute(socket)) throw bad('the path of the socket is not absolute');
    const absent = failure('unavailable', `no agent answers at ${socket}, which TACIT_ADDR names`, 'unset TACIT_ADDR to use the vault on this machine');
    return { socket, token, foreign: token !== '' && !token.startsWith(runToken), absent };
  }
  let url;
  try {
    url = new URL(addr);
  } catch {
    throw bad('not an address');
  }
  if (!url.host || url.username || url.password) throw bad('not an address');
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && here)) throw bad('only https, or http to this machine');
  return { url, token };
}

/** truthy reads a switch in the environment as the command line does. */
const truthy = (s) => Boolean(s) && !['0', 'false', 'no'].includes(s);

/**
 * checkOwner refuses a socket that is not our own user's, or that others could put another in the place of: who listens there could
 * make up what our secrets are. One that is not there is an error, as in connecting: the next moment there may be somebody's.
 */
function checkOwner(socket) {
  if (!process.getuid) return; // Windows
  const is = fs.lstatSync(socket);
  const dir = fs.statSync(path.dirname(socket));
  const me = process.getuid();
  const sticky = dir.mode & 0o1000;
  const replaceable = ![0, me].includes(dir.uid) || (dir.mode & 0o022 && !sticky);
  if (is.uid !== me || replaceable) {
    throw failure('denied', `refused to talk to what listens on ${socket}: others than our own user can listen there`);
  }
}

module.exports = { find, files, checkOwner };
