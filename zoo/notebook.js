// Records in the browser, or takes a file there; resolves to base64 of 16-bit samples, or null. It ends in any case.
(async (seconds, rate, wait) => {
  const box = document.createElement("div");
  box.setAttribute("role", "status");
  (document.querySelector("#output-area") || document.body).appendChild(box);
  const within = (promise, ms) => Promise.race([promise, new Promise((_, no) => setTimeout(() => no("late"), ms))]);
  const sleep = ms => new Promise(done => setTimeout(done, ms));
  async function listen() {
    const stream = await within(navigator.mediaDevices.getUserMedia({audio: true}), wait * 1000);
    const recorder = new MediaRecorder(stream), parts = [];
    recorder.ondataavailable = event => parts.push(event.data);
    const ended = new Promise(done => recorder.onstop = done);
    recorder.start();
    for (let left = seconds; left > 0; left--) {
      box.textContent = `Recording: ${left.toFixed(0)} s left`;
      await sleep(1000 * Math.min(1, left));
    }
    recorder.stop();
    await within(ended, 5000);
    stream.getTracks().forEach(track => track.stop());
    return new Blob(parts).arrayBuffer();
  }
  function upload() {
    box.innerHTML = "<label>No microphone here. A recording of yours: <input type=file accept='audio/*'></label> " +
      "<button>Use the bundled clip</button>";
    return new Promise((done, no) => {
      box.querySelector("input").onchange = event => done(event.target.files[0].arrayBuffer());
      box.querySelector("button").onclick = () => no("none wanted");
    });
  }
  try {
    const bytes = await listen().catch(() => within(upload(), wait * 1000));
    const heard = await new AudioContext().decodeAudioData(bytes);
    const length = Math.max(1, Math.round(Math.min(heard.duration, 60) * rate));
    const mixer = new OfflineAudioContext(1, length, rate), source = mixer.createBufferSource();
    source.buffer = heard;
    source.connect(mixer.destination);
    source.start();
    const samples = (await mixer.startRendering()).getChannelData(0);
    const words = Int16Array.from(samples, x => Math.max(-1, Math.min(1, x)) * 32767);
    const codes = new Uint8Array(words.buffer);
    let text = "";
    for (let i = 0; i < codes.length; i += 4096) text += String.fromCharCode(...codes.subarray(i, i + 4096));
    box.textContent = "";
    return btoa(text);
  } catch (reason) {
    box.textContent = "";
    return null;
  }
})
