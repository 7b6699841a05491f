try:
    from zoo.audio import load_audio, resample
except ImportError:
    import soundfile
    import soxr

    def resample(samples, from_rate, to_rate):
        return soxr.resample(samples, from_rate, to_rate, quality="HQ").astype("float32") if from_rate != to_rate else samples

    def load_audio(path, rate=16000, *, sample_rate=None):
        if sample_rate:
            return resample(path, sample_rate, rate)
        x, r = soundfile.read(path, dtype="float32", always_2d=True)
        return resample(x.mean(axis=1), r, rate)
