// The official TypeScript SDK as a client of the proxy: `node sdk.mjs URL TOKEN SCENARIO`.
// Prints what the SDK understood as one JSON object; test_sdk.py judges it.
import Anthropic from "@anthropic-ai/sdk";

const [url, token, scenario] = process.argv.slice(2);
const client = new Anthropic({ baseURL: url, authToken: token, apiKey: null, maxRetries: 0 });
const base = { model: "claude-any", max_tokens: 500 };
const hello = [{ role: "user", content: "hello" }];

const weather = {
  name: "get_weather",
  description: "The weather in a city",
  input_schema: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
};

const reader = {
  name: "Read",
  input_schema: {
    type: "object",
    properties: { file_path: { type: "string" }, limit: { type: "integer" } },
    required: ["file_path"],
  },
};
const shell = { type: "bash_20250124", name: "bash" };

const scenarios = {
  async stream() {
    const seen = { text: "", thinking: "", events: [] };
    const stream = client.messages
      .stream({ ...base, messages: hello })
      .on("text", (delta) => (seen.text += delta))
      .on("thinking", (delta) => (seen.thinking += delta))
      .on("streamEvent", (event) => seen.events.push(event.type));
    const final = await stream.finalMessage();
    return { ...seen, final };
  },
  async create() {
    return await client.messages.create({ ...base, messages: hello });
  },
  async tools() {
    const cities = [];
    const run = (input) => {
      cities.push(input.city);
      return `Sunny in ${input.city}`;
    };
    const runner = client.beta.messages.toolRunner({
      ...base,
      messages: hello,
      stream: true,
      tools: [{ ...weather, type: "custom", run, parse: (input) => input }],
    });
    for await (const turn of runner) for await (const _ of turn);
    return { cities, final: await runner.done() };
  },
  async count() {
    return await client.messages.countTokens({ model: "claude-any", messages: hello });
  },
  async models() {
    const models = [];
    for await (const model of client.models.list()) models.push(model);
    return { models };
  },
  // Streams of a native server: each directly and through the proxy; `token` lists the names.
  async natives() {
    const { direct, secret, cases } = JSON.parse(token);
    const understood = async (baseURL, authToken, user_id) => {
      const sdk = new Anthropic({ baseURL, authToken, apiKey: null, maxRetries: 0 });
      const events = [];
      const stream = sdk.beta.messages
        .stream({ ...base, messages: hello, tools: [reader, shell], metadata: { user_id } })
        .on("streamEvent", (event) => events.push(event.type));
      const final = await stream.finalMessage();
      return { final, events };
    };
    const seen = {};
    for (const name of cases)
      seen[name] = {
        direct: await understood(direct, "none", name),
        through: await understood(url, secret, name),
      };
    return seen;
  },
  async abort() {
    const stream = client.messages.stream({ ...base, messages: hello });
    stream.on("text", () => stream.abort());
    return await stream.finalMessage();
  },
};

try {
  console.log(JSON.stringify(await scenarios[scenario]()));
} catch (error) {
  const { name, message, status, requestID } = error;
  const kind = error.constructor.name;
  console.log(JSON.stringify({ error: { kind, name, message, status, requestID, body: error.error } }));
}
