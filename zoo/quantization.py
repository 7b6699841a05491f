"""Exported LiteRT files with smaller weights, by LiteRT's quantizer (ai-edge-quantizer).

    float16     weights as 16-bit floats; computed in float32: half the size, no word changes
    int8        weights as 8-bit integers, one scale a channel; activations are scaled clip by clip while it runs (dynamic range)
    full_int8   of convolutional models: activations as 8-bit integers too, whose ranges were measured on `calibration` clips

The front end stays in float32: powers of a spectrum span ten decades, which 256 steps cannot represent
(`python -m experiments.quantization` measures both).
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.errors import ZooError, unknown_name

KINDS = ("float16", "int8", "full_int8")
FRONT_END = ".*log_mel.*"  # tensors of the layer of that name, which every model begins with
# What full_int8 computes in integers; the operations between stay in float.
INTEGER_OPERATIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def check(kind: str | None, format: str, layers: Sequence, calibration: Sequence) -> None:
    """Raise ZooError where a model with these Keras layers cannot be quantized so; `kind` None is always well."""
    if kind is None:
        return
    if kind not in KINDS:
        raise unknown_name("quantization", kind, KINDS)
    if format != "litert":
        raise ZooError(f"`quantize` must be None for {format}; LiteRT files can be quantized. Received: {kind}.")
    if kind == "full_int8":
        loops = [layer.name for layer in layers if any(word in type(layer).__name__ for word in ("LSTM", "RNN", "GRU"))]
        if loops:
            raise ZooError(
                f"`quantize` must be 'int8' or 'float16' for a model with loops. Received: {kind}, {loops[0]}."
            )
        if not len(calibration):
            raise ZooError(
                "`calibration` must be clips on which full_int8 measures its ranges, some 100. Received none."
            )


def quantize(path: Path, kind: str, calibration: Sequence[np.ndarray] = ()) -> None:
    """Quantize a LiteRT file in place.

    Args:
        path: File that the converter wrote.
        kind: One of KINDS.
        calibration: (samples,) clips at the model's rate, for full_int8.
    """
    from ai_edge_quantizer import qtyping, quantizer, recipe

    every, work = qtyping.TFLOperationName.ALL_SUPPORTED, quantizer.Quantizer(str(path))
    if kind == "int8":
        work.load_quantization_recipe(recipe.dynamic_wi8_afp32())
        work.update_quantization_recipe(FRONT_END, every, algorithm_key=recipe.AlgorithmName.NO_QUANTIZE)
    elif kind == "float16":
        weights = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
        precision = qtyping.ComputePrecision.FLOAT
        half = qtyping.OpQuantizationConfig(None, weights, precision, explicit_dequantize=True)
        work.update_quantization_recipe(".*", every, half, recipe.AlgorithmName.FLOAT_CASTING)
    else:
        whole = qtyping.TensorQuantizationConfig(8, symmetric=False, granularity=qtyping.QuantGranularity.TENSORWISE)
        channels = qtyping.TensorQuantizationConfig(8, symmetric=True, granularity=qtyping.QuantGranularity.CHANNELWISE)
        integer = qtyping.OpQuantizationConfig(whole, channels, qtyping.ComputePrecision.INTEGER)
        for operation in INTEGER_OPERATIONS:
            work.update_quantization_recipe(".*", getattr(qtyping.TFLOperationName, operation), integer)
        work.update_quantization_recipe(FRONT_END, every, algorithm_key=recipe.AlgorithmName.NO_QUANTIZE)
    ranges = None
    if work.need_calibration:
        inputs = [{"waveform": clip[None], "lengths": np.array([len(clip)], "int32")} for clip in calibration]
        ranges = work.calibrate({"serving_default": inputs})
    made = path.with_name("quantized.tflite")
    work.quantize(ranges).export_model(str(made))
    os.replace(made, path)
