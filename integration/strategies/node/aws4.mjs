// Signs requests with aws4, an implementation that is not AWS's. Reads a list of requests, prints the list of Authorization headers.
import aws4 from 'aws4'
import { text } from 'node:stream/consumers'

const { credentials, requests } = JSON.parse(await text(process.stdin))
const ours = { extraHeadersToIgnore: { 'content-length': true, 'content-type': true } } // it adds them
console.log(JSON.stringify(requests.map((r) => aws4.sign({ ...r, ...ours }, credentials).headers.Authorization)))
