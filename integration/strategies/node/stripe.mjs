// Stripe's own library says whether it takes a signature for one of Stripe's. Reads {payload, header, secret}, prints the event's id.
import Stripe from 'stripe'
import { text } from 'node:stream/consumers'

const { payload, header, secret } = JSON.parse(await text(process.stdin))
const event = new Stripe('sk_test_unused').webhooks.constructEvent(payload, header, secret)
console.log(event.id)
