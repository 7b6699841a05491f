// Runs beside the sound: gathers what the microphone gives, mixed to one channel, and hands it on every 20 ms or so.
class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.samples = [];
  }

  process([channels]) {
    if (channels.length) {
      const mono = channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
      this.samples.push(...mono);
    }
    if (this.samples.length >= 1024) {
      this.port.postMessage(Float32Array.from(this.samples));
      this.samples = [];
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
