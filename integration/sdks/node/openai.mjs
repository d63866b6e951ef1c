// What a program with OpenAI's SDK does, as its documentation shows it: nothing here knows of tacit.
import { createHash } from "node:crypto";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ maxRetries: 0 });
const out = {};

out.models = (await client.models.list()).data.map((m) => m.id);

const messages = [{ role: "user", content: "Hi" }];
const chat = await client.chat.completions.create({ model: "demo-1", messages });
out.chat = chat.choices[0].message.content;

out.streamed = "";
out.events = 0;
for await (const chunk of await client.chat.completions.create({ model: "demo-1", messages, stream: true })) {
  out.streamed += chunk.choices[0]?.delta?.content ?? "";
  out.events++;
}

const response = await client.responses.create({ model: "demo-1", input: "Hi" });
out.response = response.output_text;
out.deltas = "";
for await (const event of await client.responses.create({ model: "demo-1", input: "Hi", stream: true })) {
  if (event.type === "response.output_text.delta") out.deltas += event.delta;
}

const embeddings = await client.embeddings.create({ model: "demo-1", input: "Hi", encoding_format: "float" });
out.embedding = embeddings.data[0].embedding;

const content = Buffer.alloc(3_000_000, "0123456789abcdef");
const file = await client.files.create({ file: await toFile(content, "data.jsonl"), purpose: "fine-tune" });
out.file = { name: file.filename, bytes: file.bytes, purpose: file.purpose, whole: file.sha256 === createHash("sha256").update(content).digest("hex") };

try {
  await client.fineTuning.jobs.list();
  out.outside = "answered";
} catch (e) {
  out.outside = e instanceof OpenAI.APIError ? e.status : String(e);
}

const key = process.env.OPENAI_API_KEY;
out.key = key.includes("tacit_") ? "a token" : "a key";
console.log(JSON.stringify(out));
