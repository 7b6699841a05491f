// The page of `zoo web`. The network, its front end included, is an ONNX file: here sound is only decoded, brought to the
// model's rate and padded, and logits become words or bars.
//
//   file, microphone --decode--> samples --Network--> logits, log-mel --Letters or softmax--> words, bars, picture
//
// For tests and the curious: `await zoo.ready`, `await zoo.choose(name)`, `await zoo.run(samples, rate)` gives
// {logits, shape, logMel, known, answer}; `zoo.last` is what was last heard, with its samples.
"use strict";

const $ = (id) => document.getElementById(id);
const say = (text) => { $("status").textContent = text; };
const tick = () => new Promise((done) => setTimeout(done));
const MOST_SECONDS = 600; // of a recording
const MARGIN = 0.02; // seconds of sound on either side of a piece that is resampled alone
const BARS = 5;

// --- sound

/** Samples as a 16-bit WAV file, which every browser decodes. */
function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true);
  view.setUint16(34, 16, true); text(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((x, i) => view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, Math.round(32768 * x))), true));
  return view.buffer;
}

/** A sound file's samples at `rate`, mixed to one channel: the browser decodes and resamples. */
async function decode(bytes, rate) {
  const sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
}

/** Brings samples to another rate. An AudioBufferSourceNode would do it without a filter, so the decoder does. */
const resample = (samples, from, to) => (from === to ? samples : decode(wav(samples, from), to));

/** As zoo.clips.pad: zeros on the right to a whole second, past ten seconds to about a tenth more. */
function padded(samples, rate) {
  let width = rate;
  while (width < samples.length) width += rate * Math.max(1, Math.floor(width / (10 * rate)));
  const wide = new Float32Array(width);
  wide.set(samples);
  return wide;
}

/** Cuts what is longer than `most` samples at its quietest moments, each in the second half of a piece. */
function cut(samples, most, rate) {
  const pieces = [], step = Math.round(rate / 50);
  let start = 0;
  while (samples.length - start > most) {
    let best = start + most, least = Infinity;
    for (let at = start + (most >> 1); at + step <= start + most; at += step) {
      let power = 0;
      for (let i = at; i < at + step; i++) power += samples[i] ** 2;
      if (power <= least) [least, best] = [power, at + (step >> 1)];
    }
    pieces.push([start, samples.subarray(start, best)]);
    start = best;
  }
  return [...pieces, [start, samples.subarray(start)]];
}

/** Sound from the microphone, piece by piece at the model's rate; each is resampled with a little of its neighbours. */
class Pieces {
  constructor(from, to, seconds) {
    Object.assign(this, { from, to, size: Math.round(seconds * from), out: Math.round(seconds * to) });
    this.margin = Math.round(MARGIN * from);
    this.waiting = new Float32Array(this.margin);
  }

  async next(samples, last) {
    this.waiting = joined([this.waiting, samples]);
    const found = [];
    while (this.waiting.length >= this.size + 2 * this.margin) found.push(await this.piece(this.size, this.out));
    const rest = this.waiting.length - this.margin;
    if (last && rest > 0) found.push(await this.piece(rest, Math.round((rest * this.to) / this.from)));
    return joined(found);
  }

  async piece(size, out) {
    const around = new Float32Array(size + 2 * this.margin);
    around.set(this.waiting.subarray(0, around.length));
    this.waiting = this.waiting.slice(size);
    const start = Math.round(MARGIN * this.to);
    return (await resample(around, this.from, this.to)).slice(start, start + out);
  }
}

function joined(parts) {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

// --- the network

let ort = null;

/** A file that may be compressed with gzip, as bytes. */
async function unpacked(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} is missing on the server (${response.status}).`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes; // a server may have unpacked it already
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

async function loadRuntime() {
  const [module, binary] = await Promise.all([import("./runtime/ort.mjs"), unpacked("runtime/ort.wasm.gz")]);
  module.env.wasm.numThreads = 1; // more would need headers that few static servers send
  module.env.wasm.wasmBinary = binary;
  return module;
}

/** A model of models.json with its network. */
class Network {
  static async load(about) {
    const network = new Network();
    ort ??= loadRuntime();
    const [runtime, bytes] = await Promise.all([ort, unpacked(about.file)]);
    network.about = about;
    network.ort = runtime;
    network.session = await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    await network.whole(new Float32Array(about.sample_rate / 10)); // the first call is the slowest
    return network;
  }

  call(waveform, integers, state) {
    const { Tensor } = this.ort;
    const inputs = { waveform: new Tensor("float32", waveform, [1, waveform.length]) };
    for (const [name, value] of Object.entries(integers)) inputs[name] = new Tensor("int32", Int32Array.of(value), [1]);
    if (state) inputs.state = new Tensor("float32", state, [1, state.length]);
    return this.session.run(inputs);
  }

  /** What the network gives for a clip: {logits, shape, logMel, bands, known}, cut to the true frames. */
  async whole(samples, live = () => {}) {
    if (this.about.stream) {
      const stream = new Stream(this), parts = [];
      for (let at = 0; at < samples.length; at += stream.chunk) {
        parts.push(await stream.next(samples.subarray(at, at + stream.chunk), at + stream.chunk >= samples.length));
        live(parts.at(-1));
      }
      const [logits, logMel] = ["logits", "logMel"].map((name) => joined(parts.map((part) => part[name])));
      return { ...parts.at(-1), logits, logMel, shape: [logits.length / parts.at(-1).shape[1], parts.at(-1).shape[1]] };
    }
    const found = await this.call(padded(samples, this.about.sample_rate), { lengths: samples.length });
    const bands = found.log_mel.dims[2], frames = 1 + Math.floor(samples.length / Math.round(this.about.hop_seconds * this.about.sample_rate));
    const symbols = found.logits.dims.at(-1), rows = found.frames ? found.frames.data[0] : 1;
    return {
      logits: found.logits.data.slice(0, rows * symbols),
      shape: found.frames ? [rows, symbols] : [symbols],
      logMel: found.log_mel.data.slice(0, frames * bands), bands, known: found.known?.data,
    };
  }
}

/** A recording that the network hears chunk by chunk, with what it keeps from one to the next. As zoo.runtime.SessionStream. */
class Stream {
  constructor(network) {
    Object.assign(this, { network, ...network.about.stream });
    this.carried = new Float32Array(this.state);
    this.waiting = new Float32Array(0);
    this.start = 0;
    this.given = -this.delay; // rows of logits that came out
    this.frame = -this.log_mel_delay;
  }

  async next(samples, last = false) {
    this.waiting = joined([this.waiting, samples]);
    const parts = [];
    while (this.waiting.length >= this.chunk) parts.push(await this.step(this.goes_on));
    if (last) {
      const length = this.start + this.waiting.length;
      for (let frames = this.given + 1; this.given < frames;) {
        const part = await this.step(length);
        ({ frames } = part);
        if (this.given > frames) part.logits = part.logits.slice(0, part.logits.length - (this.given - frames) * part.symbols);
        parts.push(part);
      }
    }
    const [logits, logMel] = ["logits", "logMel"].map((name) => joined(parts.map((part) => part[name])));
    const { symbols = 1, bands = 1 } = parts[0] ?? {};
    return { logits, shape: [logits.length / symbols, symbols], logMel, bands };
  }

  async step(length) {
    const waveform = new Float32Array(this.chunk), part = this.waiting.subarray(0, this.chunk);
    waveform.set(part);
    const found = await this.network.call(waveform, { start: this.start, lengths: length }, this.carried);
    const symbols = found.logits.dims[2], bands = found.log_mel.dims[2];
    const skip = Math.max(0, -this.given), early = Math.max(0, -this.frame);
    const heard = Math.max(early, Math.min(found.log_mel.dims[1], Math.round(part.length / (this.chunk / found.log_mel.dims[1]))));
    this.waiting = this.waiting.slice(part.length);
    this.carried = found.next_state.data;
    this.start += this.chunk;
    this.given += this.rows;
    this.frame += found.log_mel.dims[1];
    return {
      logits: found.logits.data.slice(skip * symbols), symbols, frames: found.frames.data[0],
      logMel: found.log_mel.data.slice(early * bands, heard * bands), bands,
    };
  }
}

// --- logits to answers

function logSoftmax(row) {
  const most = row.reduce((a, b) => Math.max(a, b));
  const sum = Math.log(row.reduce((total, x) => total + Math.exp(x - most), 0));
  return row.map((x) => x - most - sum);
}

/** Greedy decoding of logits that come in pieces, as zoo.decoding.live: repeats merged, blanks (0) removed. */
class Letters {
  constructor(about) {
    this.vocabulary = [...about.vocabulary];
    this.seconds = about.frame_seconds;
    Object.assign(this, { frame: 0, before: 0, run: [], words: [], logs: [], blanks: [] });
  }

  get partial() { return this.run.map(([letter]) => letter).join(""); }

  hear({ logits, shape: [rows, symbols] }) {
    for (let t = 0; t < rows; t++) {
      const row = logSoftmax(logits.subarray(t * symbols, (t + 1) * symbols)), sure = Math.max(...row), best = row.indexOf(sure);
      const repeated = best === this.before;
      this.before = best;
      this.frame++;
      this.blanks.push(sure);
      if (!best) continue;
      const letter = this.vocabulary[best - 1];
      if (repeated && this.run.length && letter !== " ") {
        const one = this.run.at(-1);
        one[2] = this.frame;
        one[3] = Math.max(one[3], sure);
      } else if (!repeated && letter === " ") this.end();
      else if (!repeated) this.run.push([letter, this.frame - 1, this.frame, sure]);
    }
  }

  end() {
    if (!this.run.length) return;
    const logs = this.run.map(([, , , log]) => log);
    const [start, end] = [this.run[0][1], this.run.at(-1)[2]].map((frame) => Math.max(0, (frame - 0.5) * this.seconds));
    this.words.push({ text: this.partial, start, end, confidence: mean(logs) });
    this.logs.push(...logs);
    this.run = [];
  }

  get text() { return this.words.map(({ text }) => text).join(" "); }
  get confidence() { return mean(this.logs.length ? this.logs : this.blanks); }
}

/** Geometric mean of probabilities, by their logarithms; 1 of nothing. */
const mean = (logs) => (logs.length ? Math.exp(logs.reduce((a, b) => a + b) / logs.length) : 1);

/** Whether the model knows what it heard, where a threshold was measured: a sentence, or "" for yes or cannot say. */
function doubtOf(about, heard) {
  if (!about.doubt || (heard.known === undefined && heard.text === undefined)) return "";
  if (heard.text === "") return `${about.name} hears no words in this.`;
  const score = heard.text === undefined ? heard.known : heard.confidence;
  if (score >= about.doubt.threshold) return "";
  return `${about.name} knows ${about.doubt.knows}; this sounds like ${heard.text === undefined ? "none of them" : "something else"}.`;
}

function bars(about, { logits, known }) {
  const probabilities = Array.from(logSoftmax(logits), Math.exp);
  const best = probabilities.indexOf(Math.max(...probabilities));
  const sorted = about.labels.map((label, i) => ({ label, probability: probabilities[i] })).sort((a, b) => b.probability - a.probability);
  return { label: about.labels[best], bars: sorted, confidence: probabilities[best], doubt: doubtOf(about, { known: known?.[best] }) };
}

function transcript(about, letters) {
  const { text, words, confidence } = letters;
  return { text, words, confidence, doubt: doubtOf(about, { text, confidence }) };
}

// --- the page

let models = [], network = null, last = null, recording = null, busy = Promise.resolve();
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const percent = (x) => `${Math.round(100 * x)} %`;
const answersWords = (about) => about.task === "transcription";
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = false;
}

function showBars({ label, bars: all, doubt }) {
  const rows = all.slice(0, BARS).map(({ label, probability }) => {
    const fill = element("span", { className: "fill" });
    fill.style.width = `${100 * probability}%`;
    return element("li", {}, element("span", { className: "name", dir: "auto", textContent: label }),
      element("span", { className: "track" }, fill), element("span", { className: "number", textContent: percent(probability) }));
  });
  const shown = element("div", { className: doubt ? "doubtful" : "" },
    element("p", { className: "label", dir: "auto", textContent: label }), element("ul", { className: "bars" }, ...rows));
  shown.setAttribute("role", "status");
  $("answer").replaceChildren(shown);
  $("doubt").textContent = doubt;
}

/** Final words are written once, so that a screen reader says each once; the letters of the next one come and go. */
class Page {
  constructor() {
    this.words = element("span", { className: "words" });
    this.words.setAttribute("role", "log");
    this.words.setAttribute("aria-label", "Transcript");
    this.partial = element("span", { className: "partial", ariaHidden: "true" });
    const legend = element("p", { className: "small", textContent: "The longer the line under a word, the surer the model is of it." });
    $("answer").replaceChildren(element("p", { className: "text", dir: "auto" }, this.words, this.partial), legend);
    $("doubt").textContent = "";
  }

  show({ words, partial }) {
    for (const { text, confidence } of words.slice(this.words.childElementCount)) {
      const word = element("span", { className: "word", title: `${text}: ${percent(confidence)} sure`, textContent: text });
      word.style.backgroundSize = `${100 * confidence}% 3px`;
      this.words.append(word, " ");
    }
    this.partial.textContent = partial;
  }

  finish({ text, doubt }) {
    this.partial.textContent = text ? "" : "(no words recognized)";
    this.partial.parentElement.classList.toggle("doubtful", Boolean(doubt));
    $("doubt").textContent = doubt;
  }
}

const COLOURS = [[0, [13, 20, 40]], [0.35, [30, 70, 130]], [0.6, [0, 140, 170]], [0.8, [240, 200, 90]], [1, [255, 250, 225]]];

/** 256 colours from quiet to loud, (red, green, blue) each. */
const PALETTE = Array.from({ length: 256 }, (_, i) => {
  const x = i / 255, above = Math.max(1, COLOURS.findIndex(([at]) => at >= x)), [[a, from], [b, to]] = COLOURS.slice(above - 1, above + 1);
  return from.map((value, channel) => value + ((to[channel] - value) * (x - a)) / (b - a));
});

/** The log-mel frames as a picture, low bands below; `live` keeps the last seconds alone. */
function paint({ logMel, bands }, about, words = [], live = false) {
  $("picture").hidden = false;
  const canvas = $("spectrogram"), all = logMel.length / bands, shown = live ? Math.round(6 / about.hop_seconds) : all;
  const width = Math.max(1, Math.min(shown, 1600)), most = logMel.reduce((a, b) => Math.max(a, b), -60);
  Object.assign(canvas, { width, height: bands });
  const context = canvas.getContext("2d"), image = context.createImageData(width, bands);
  for (let x = 0; x < width; x++) {
    const frame = Math.max(0, all - shown) + Math.floor((x * shown) / width);
    for (let band = 0; band < bands; band++) {
      const level = frame < all ? (logMel[frame * bands + band] - most + 70) / 70 : 0; // 70 dB from dark to bright
      const [red, green, blue] = PALETTE[Math.max(0, Math.min(255, Math.round(255 * level)))];
      image.data.set([red, green, blue, 255], 4 * ((bands - 1 - band) * width + x));
    }
  }
  context.putImageData(image, 0, 0);
  const seconds = (logMel.length / bands) * about.hop_seconds;
  $("times").replaceChildren();
  for (const { text, start, end } of words) { // each word below its sound, where there is room
    const word = element("span", { textContent: text });
    word.style.left = `${(50 * (start + end)) / seconds}%`;
    $("times").append(word);
    const [before, here] = [word.previousSibling, word].map((shown) => shown?.getBoundingClientRect());
    if (before && here.left < before.right + 4) word.remove();
  }
  canvas.setAttribute("aria-label", `Spectrogram of ${seconds.toFixed(1)} seconds: ${words.map(({ text }) => text).join(" ") || "bright where it was loud"}`);
  $("caption").textContent =
    `Log-mel spectrogram, ${live ? "the last 6 s" : `${seconds.toFixed(1)} s`} from left to right, 0 to ${about.sample_rate / 2000} kHz from bottom to top: ${bands} bands, computed inside the model.`;
}

function drawWave(samples) {
  const canvas = $("wave"), context = canvas.getContext("2d"), { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  context.fillStyle = getComputedStyle(canvas).color;
  const bars = Math.floor(width / 5), most = samples.reduce((a, x) => Math.max(a, Math.abs(x)), 0.02);
  for (let i = 0; i < bars; i++) {
    let peak = 0;
    const end = Math.floor(((i + 1) * samples.length) / bars);
    for (let at = Math.floor((i * samples.length) / bars); at < end; at++) peak = Math.max(peak, Math.abs(samples[at]));
    const tall = Math.max(3, (peak / most) * (height - 4));
    context.beginPath();
    context.roundRect(5 * i + 1, (height - tall) / 2, 3, tall, 1.5);
    context.fill();
  }
}

/** Answers samples at the model's rate and shows it all; gives what `zoo.run` gives. */
async function answer(samples) {
  const { about } = network, rate = about.sample_rate, began = performance.now();
  if (!samples.length) throw new Error("This recording holds no sound.");
  if (samples.length > MOST_SECONDS * rate) throw new Error(`A recording must last at most ${MOST_SECONDS / 60} minutes; this one lasts ${Math.round(samples.length / rate)} s.`);
  if (about.max_seconds && samples.length > about.max_seconds * rate) {
    throw new Error(`${about.name} takes clips of one word, at most ${about.max_seconds} s; this one lasts ${(samples.length / rate).toFixed(1)} s.`);
  }
  drawWave(samples);
  let found;
  if (answersWords(about)) found = await written(samples);
  else {
    found = await network.whole(samples);
    found.answer = bars(about, found);
    showBars(found.answer);
  }
  paint(found, about, found.answer.words);
  last = { ...found, samples, rate, name: about.name };
  $("play").hidden = false;
  say(`Answered in ${((performance.now() - began) / 1000).toFixed(1)} s, on this device.`);
  return last;
}

/** Transcribes; a long recording is cut where the network cannot hear it whole. */
async function written(samples) {
  const { about } = network, letters = new Letters(about), page = new Page(), parts = [];
  const live = (part) => { letters.hear(part); page.show(letters); };
  const pieces = about.stream ? [[0, samples]] : cut(samples, Math.round(about.segment_seconds * about.sample_rate), about.sample_rate);
  for (const [start, piece] of pieces) {
    letters.before = 0;  // a piece may begin with the letter that ended the one before
    letters.frame = about.stream ? 0 : start / about.sample_rate / about.frame_seconds;
    parts.push(await network.whole(piece, about.stream ? live : undefined));
    if (!about.stream) live(parts.at(-1));
    letters.end();
    page.show(letters);
    await tick();
  }
  const [logits, logMel] = ["logits", "logMel"].map((name) => joined(parts.map((part) => part[name])));
  const found = { logits, logMel, bands: parts[0].bands, shape: [parts.reduce((sum, { shape }) => sum + shape[0], 0), parts[0].shape[1]] };
  found.answer = transcript(about, letters);
  page.finish(found.answer);
  return found;
}

// --- microphone

async function record() {
  const { about } = network;
  if (!navigator.mediaDevices) throw new Error("A browser lends its microphone to pages from https or localhost only; open a file instead.");
  let source;
  try {
    source = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false } });
  } catch (error) {
    throw new Error(error.name === "NotFoundError" ? "This device has no microphone; open a file instead." :
      "The browser did not lend its microphone: allow it in the browser's settings for this page, or open a file instead.");
  }
  const context = new AudioContext();
  await context.audioWorklet.addModule("microphone.js");
  const node = new AudioWorkletNode(context, "microphone");
  context.createMediaStreamSource(source).connect(node).connect(context.destination); // what it gives on is silence
  await context.resume();
  const most = about.max_seconds ?? (about.stream ? MOST_SECONDS : 60);
  recording = { source, context, parts: [], taken: 0, seconds: 0, live: about.stream ? new Live(context.sampleRate) : null };
  node.port.onmessage = ({ data }) => {
    if (!recording || recording.seconds >= most) return;
    recording.parts.push(data.slice(0, Math.ceil((most - recording.seconds) * context.sampleRate)));
    recording.seconds += data.length / context.sampleRate;
    drawWave(joined(recording.parts.slice(-Math.round((3 * context.sampleRate) / 1024))));
    recording.live?.hear(data).catch(() => {}); // `end` says what went wrong
    if (recording.seconds >= most) guarded(stop);
  };
  setRecording(true);
  say(about.stream ? "Listening: words appear while you speak. Press Stop to end." :
    answersWords(about) ? "Recording: this model answers when you press Stop." : `Recording: say one word, then press Stop (it stops after ${most} s).`);
}

async function stop() {
  if (!recording) return;
  const { source, context, parts, live } = recording, rate = context.sampleRate;
  recording = null;
  setRecording(false);
  source.getTracks().forEach((track) => track.stop());
  await context.close();
  if (!parts.length) throw new Error("Nothing was recorded: press Record, speak, then press Stop.");
  if (live) return live.end();
  say("One moment ...");
  await tick();
  const samples = await resample(joined(parts), rate, network.about.sample_rate);
  await answer(samples.slice(0, Math.floor((network.about.max_seconds ?? MOST_SECONDS) * network.about.sample_rate)));
}

/** A recording that is answered while it goes on. */
class Live {
  constructor(rate) {
    const { about } = network;
    Object.assign(this, { about, stream: new Stream(network), letters: new Letters(about), page: new Page(), queue: Promise.resolve() });
    this.pieces = new Pieces(rate, about.sample_rate, about.stream.chunk / about.sample_rate);
    this.samples = [];
    this.logits = [];
    this.logMel = [];
  }

  hear(data, final = false) {
    this.queue = this.queue.then(async () => {
      const samples = await this.pieces.next(data, final);
      if (!samples.length && !final) return;
      const heard = await this.stream.next(samples, final);
      this.samples.push(samples);
      this.logits.push(heard.logits);
      this.logMel.push(heard.logMel);
      if (heard.bands > 1) Object.assign(this, { bands: heard.bands, symbols: heard.shape[1] });
      this.letters.hear(heard);
      this.page.show(this.letters);
      if (this.bands) paint({ logMel: joined(final ? this.logMel : this.logMel.slice(-60)), bands: this.bands }, this.about, [], !final);
    });
    return this.queue;
  }

  async end() {
    say("One moment ...");
    await this.hear(new Float32Array(0), true);
    this.letters.end();
    this.page.show(this.letters);
    const found = transcript(this.about, this.letters), samples = joined(this.samples), logits = joined(this.logits);
    this.page.finish(found);
    drawWave(samples);
    last = { name: this.about.name, samples, rate: this.about.sample_rate, logits, shape: [logits.length / this.symbols, this.symbols], logMel: joined(this.logMel), bands: this.bands, answer: found };
    paint(last, this.about, found.words);
    $("play").hidden = false;
    say("Done, on this device.");
  }
}

function setRecording(on) {
  $("record").setAttribute("aria-pressed", String(on));
  $("record").querySelector("span").textContent = on ? "Stop" : "Record";
  for (const input of document.querySelectorAll("#models input, #file, #example, #play")) input.disabled = on;
}

// --- choosing and loading

/** Runs one thing after the other, and says what goes wrong in a sentence. */
function guarded(task) {
  busy = busy.then(task).catch((error) => say(error.message || String(error)));
  return busy;
}

async function hearFile(bytes, name) {
  say("One moment ...");
  await tick();
  if (!bytes.byteLength) throw new Error(`${name} is empty.`);
  const samples = await decode(bytes, network.about.sample_rate).catch(() => {
    throw new Error(`${name} is not a recording that this browser can play: choose a sound file such as WAV, MP3 or M4A.`);
  });
  await answer(samples);
}

function row(name, ...value) {
  return [element("dt", { textContent: name }), element("dd", {}, ...value)];
}

function showCard(about) {
  const { card = {}, results = [] } = about, facts = [];
  if (about.labels) facts.push(...row(`Labels (${about.labels.length})`, element("span", { dir: "auto", textContent: about.labels.join(" · ") })));
  else facts.push(...row("Writes", [...about.vocabulary].map((letter) => (letter === " " ? "space" : letter)).join(" ")));
  if (card.limits) facts.push(...row("Limits", card.limits));
  facts.push(...row("Licence", card.licence || "Its author decides: this model is not one of the zoo's."));
  const speed = about.stream ? "writes while you speak" : answersWords(about) ? "cannot stream: it answers when the recording ends" : `hears clips of at most ${about.max_seconds} s`;
  facts.push(...row("Runs", `on this device, ${speed}; ${about.parameters.toLocaleString("en")} parameters, ${megabytes(about.bytes)}, ${about.sample_rate / 1000} kHz`));
  const shown = [element("p", { textContent: card.summary || `${about.name}, a model of one's own.` }), element("dl", {}, ...facts)];
  if (results.length) {
    const rows = results.map(({ data, split, metric, value, low, high, utterances, note }) => element("tr", {},
      element("td", {}, `${data}, ${split}`, element("small", { textContent: note })), element("td", { textContent: metric }),
      element("td", {}, value.toFixed(1), element("small", { textContent: `${low.toFixed(1)} to ${high.toFixed(1)}` })),
      element("td", { textContent: utterances.toLocaleString("en") })));
    const head = element("tr", {}, ...["Measured on", "Metric", "%", "Clips"].map((textContent) => element("th", { scope: "col", textContent })));
    const legend = "With 95 % intervals. Accuracy: larger is better. WER and CER, the shares of wrong words and letters: smaller is better.";
    const table = element("table", {}, element("caption", { textContent: legend }), element("thead", {}, head), element("tbody", {}, ...rows));
    const scroll = element("div", { className: "scroll", tabIndex: 0 }, table);
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", "Measured figures");
    shown.push(scroll);
  } else shown.push(element("p", { className: "small", textContent: "No figures were measured for it." }));
  $("about").replaceChildren(...shown);
  $("card").hidden = false;
}

function invitation(about) {
  if (about.stream) return "Press Record and speak: words appear while you do.";
  if (answersWords(about)) return "Press Record and speak; this model answers when you press Stop.";
  if (about.target === "speaker") return "Press Record, speak, and see who you sound like.";
  return about.labels.length <= 12 ? `Press Record and say one word: ${about.labels.join(", ")}.` : `Press Record and say one of ${about.labels.length} words.`;
}

const networks = new Map();

async function choose(name) {
  const about = models.find((model) => model.name === name);
  if (!about) throw new Error(`There is no model ${name}.`);
  $("file").disabled = $("record").disabled = $("example").disabled = true;
  $("example").hidden = !about.example;
  $("play").hidden = $("picture").hidden = true;
  $("answer").replaceChildren();
  $("doubt").textContent = "";
  last = null;
  showCard(about);
  say(`Loading ${name} (${megabytes(about.bytes)}) ...`);
  if (!networks.has(name)) networks.set(name, Network.load(about));
  try {
    network = await networks.get(name);
  } catch (error) {
    networks.delete(name);
    throw new Error(`${name} could not be loaded: ${error.message}`);
  }
  $("file").disabled = $("record").disabled = $("example").disabled = false;
  drawWave(new Float32Array(64));
  say(invitation(about));
}

function showModels() {
  $("models").replaceChildren(...models.map((about, i) => {
    const input = element("input", { type: "radio", name: "model", value: about.name, checked: i === 0 });
    input.addEventListener("change", () => guarded(() => choose(about.name)));
    const does = about.stream ? "writes while you speak" : answersWords(about) ? "writes when you stop" : about.target === "speaker" ? `${about.labels.length} voices` : `${about.labels.length} words`;
    return element("label", {}, input, element("span", {}, element("b", { textContent: about.name }), element("small", { textContent: does })));
  }));
  $("choice").hidden = false;
}

/** Lets the service worker keep what is loaded; without one (no https) the page works all the same. */
async function keepOffline() {
  if (!navigator.serviceWorker) return false;
  const registration = await navigator.serviceWorker.register("sw.js").catch(() => null);
  if (!registration) return false;
  if (navigator.serviceWorker.controller || registration.active) return true;
  await Promise.race([
    new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done, { once: true })),
    new Promise((done) => setTimeout(done, 4000)),
  ]);
  return Boolean(navigator.serviceWorker.controller);
}

/** After the first model is here: the other files, so that all of the page works offline. */
async function fetchRest(kept) {
  if (!kept) {
    $("offline").textContent = "This page is not kept for offline use: that needs https or localhost.";
    return;
  }
  for (const about of models) {
    for (const path of [about.file, about.example]) if (path) await fetch(path).then((response) => response.arrayBuffer());
  }
  $("offline").textContent = "All of it is on this device now: it works without internet.";
}

async function start() {
  if (location.protocol === "file:") {
    $("stage").remove();
    throw new Error("This page must come from a web server, not from a file: run `zoo web FOLDER --serve`, or `python -m http.server` in its folder, and open the address that it prints.");
  }
  if (!window.DecompressionStream || !window.WebAssembly) throw new Error("This page needs a browser of 2023 or later.");
  $("stage").hidden = false;
  const kept = await keepOffline();
  const { title, models: listed } = await fetch("models.json").then((response) => response.json());
  models = listed;
  $("title").textContent = document.title = title;
  showModels();
  await choose(models[0].name);
  if (kept) fetchRest(kept).catch(() => {});
  else fetchRest(false);
}

$("record").addEventListener("click", () => guarded(() => (recording ? stop() : record())));
$("file").addEventListener("change", ({ target }) => guarded(async () => {
  const [file] = target.files;
  if (file) await hearFile(await file.arrayBuffer(), file.name);
  target.value = ""; // so that the same file can be chosen again
}));
$("example").addEventListener("click", () => guarded(async () => {
  const { example } = network.about;
  await hearFile(await fetch(example).then((response) => response.arrayBuffer()), example.split("/").at(-1));
}));
$("play").addEventListener("click", () => guarded(async () => {
  const context = new AudioContext(), source = context.createBufferSource();
  source.buffer = context.createBuffer(1, last.samples.length, last.rate);
  source.buffer.copyToChannel(Float32Array.from(last.samples), 0);
  source.connect(context.destination);
  source.onended = () => context.close();
  source.start();
}));

window.zoo = {
  ready: start().catch((error) => problem(error.message)),
  get models() { return models; },
  get last() { return last; },
  choose,
  run: async (samples, rate) => answer(await resample(Float32Array.from(samples), rate, network.about.sample_rate)),
};
