'use strict';

// The package. index.mjs gives the same objects to `import`, so that a program which does both has one client.

const { Secrets } = require('./lib/secrets.cjs');
const { TacitError } = require('./lib/errors.cjs');
const { Answer, StreamedAnswer } = require('./lib/answer.cjs');

/** connect returns a client. What options leave out, the environment says, as it does for the command line. It connects when the first call needs it. */
function connect(options = {}) {
  return new Secrets(options);
}

/** secrets is the client that the environment describes. */
const secrets = connect();

module.exports = { secrets, connect, Secrets, TacitError, Answer, StreamedAnswer };
