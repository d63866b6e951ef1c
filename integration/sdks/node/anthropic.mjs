// What a program with Anthropic's SDK does, as its documentation shows it: nothing here knows of tacit.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ maxRetries: 0 });
const out = {};

out.models = [];
for await (const model of client.models.list()) out.models.push(model.id);

const question = { model: "demo-1", max_tokens: 64, messages: [{ role: "user", content: "Hi" }] };
const message = await client.messages.create(question);
out.message = message.content[0].text;

out.streamed = "";
const stream = client.messages.stream(question).on("text", (text) => (out.streamed += text));
out.final = (await stream.finalMessage()).content[0].text;

try {
  await client.messages.countTokens({ model: "demo-1", messages: question.messages });
  out.outside = "answered";
} catch (e) {
  out.outside = e instanceof Anthropic.APIError ? e.status : String(e);
}

const key = process.env.ANTHROPIC_API_KEY;
out.key = key.includes("tacit_") ? "a token" : "a key";
console.log(JSON.stringify(out));
