import tacit from './index.cjs';

export const { secrets, connect, Secrets, TacitError, Answer, StreamedAnswer } = tacit;
