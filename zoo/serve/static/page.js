// The server's page: what it answers, from /openapi.json, and a first try with a file or the microphone.
const RATE = 16000;
const $ = (id) => document.getElementById(id);

function element(name, text, parent) {
  const made = document.createElement(name);
  made.textContent = text;
  parent?.append(made);
  return made;
}

// --- what it answers

function typeOf(schema) {
  const { anyOf, enum: values, items, type, format, contentMediaType } = schema;
  if (anyOf) return anyOf.map(typeOf).join(" or ");
  if (values) return values.join(", ");
  if (items) return `list of ${typeOf(items)}`;
  return format === "binary" || contentMediaType ? "a file" : type ?? "";
}

function fields(operation, schemas) {
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const form = body?.$ref ? schemas[body.$ref.split("/").pop()] : body;
  return Object.entries(form?.properties ?? {}).map(([name, schema]) => [name, typeOf(schema), schema.description ?? "", schema.default]);
}

async function describe() {
  const { paths, components } = await (await fetch("/openapi.json")).json();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      element("code", `${method.toUpperCase()} ${path}`, element("h3", "", $("paths")));
      element("p", operation.description ?? "", $("paths"));
      const rows = fields(operation, components?.schemas ?? {});
      if (!rows.length) continue;
      const table = element("table", "", $("paths"));
      for (const [name, type, about, value] of rows) {
        const row = element("tr", "", table);
        element("code", name, element("th", "", row));
        element("td", type, row);
        element("td", about + (value === undefined || value === "" ? "" : ` (${value})`), row);
      }
    }
  }
  element("code", `WebSocket /v1/stream?model=auto&sample_rate=${RATE}`, element("h3", "", $("paths")));
  element("p", 'Send bytes of 16-bit PCM and at the end the text "end"; words come as soon as they are final.', $("paths"));
}

// --- a file

$("file").addEventListener("change", async () => {
  const body = new FormData();
  body.append("file", $("file").files[0]);
  const headers = $("token").value ? { Authorization: `Bearer ${$("token").value}` } : {};
  $("answer").textContent = "...";
  const answer = await (await fetch("/v1/audio/transcriptions", { method: "POST", body, headers })).json();
  $("answer").textContent = answer.error?.message ?? ((answer.text || "(no words)") + (answer.doubt ? ` (${answer.doubt})` : ""));
});

// --- the microphone

/** A stream of the server: `send` floats in [-1, 1], then `end`; `heard` gets the final words and the letters so far. */
export function openStream(heard, token = "", rate = RATE) {
  const address = new URL(`/v1/stream?sample_rate=${rate}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address, token ? ["zoo", `token.${token}`] : ["zoo"]);
  const words = [];
  socket.onmessage = ({ data }) => {
    const { words: fresh, partial, last } = JSON.parse(data);
    words.push(...fresh.map(({ word }) => word));
    heard(words.join(" "), partial, last);
  };
  const send = (data) => socket.readyState === WebSocket.OPEN && socket.send(data);
  return {
    socket,
    send: (samples) => send(Int16Array.from(samples, (x) => Math.max(-1, Math.min(1, x)) * 32767)),
    end: () => send("end"),
  };
}

let stop;

$("microphone").addEventListener("click", async () => {
  if (stop) return stop();
  $("microphone").disabled = true;  // a second click would begin a second stream
  $("answer").textContent = "";
  try {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true });
    const context = new AudioContext({ sampleRate: RATE });
    await context.audioWorklet.addModule("/static/microphone.js");
    const stream = openStream((words, partial) => {
      $("answer").textContent = `${words} `;
      element("i", partial, $("answer"));
    }, $("token").value);
    const node = new AudioWorkletNode(context, "microphone");
    node.port.onmessage = ({ data }) => stream.send(data);
    context.createMediaStreamSource(media).connect(node);
    stop = () => {
      stream.end();
      media.getTracks().forEach((track) => track.stop());
      context.close();
      stop = undefined;
      $("microphone").textContent = "Speak";
    };
    $("microphone").textContent = "Stop";
  } catch (error) {
    $("answer").textContent = `The browser did not lend its microphone (${error.message}).`;
  } finally {
    $("microphone").disabled = false;
  }
});

describe();
