// Says, for each line with a request and credentials, which Authorization header aws4 makes of exactly the headers named in `headers`.
import aws4 from 'aws4'
import { createInterface } from 'node:readline'

for await (const line of createInterface({ input: process.stdin })) {
  const { credentials, request } = JSON.parse(line)
  const ours = Object.fromEntries(Object.keys(request.headers).map((name) => [name.toLowerCase(), true]))
  const added = { 'content-length': !ours['content-length'], 'content-type': !ours['content-type'] } // by aws4, and not signed
  const signed = aws4.sign({ ...request, extraHeadersToInclude: ours, extraHeadersToIgnore: added }, credentials)
  console.log(JSON.stringify(signed.headers.Authorization))
}
