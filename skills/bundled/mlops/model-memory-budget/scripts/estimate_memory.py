"""Estimates from a transformer's config.json what memory it needs to serve or to train."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GIB = 2**30
BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.05, "int4": 0.56}
"""Bytes of one weight; the scales of quantised weights are in it."""
UNGATED = frozenset(
    "gpt2 gptj gpt_neo gpt_neox gpt_bigcode opt bloom bert roberta phi falcon starcoder2 mpt"
    " nemotron codegen".split()
)
"""Model types whose layers have two matrices where newer ones have three."""
CONTEXT_GIB, SLACK = 0.8, 1.08
"""What the driver and its kernels take, and what fragments of memory waste."""
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(gib|gb|g|mib|mb|m)?", re.I)


@dataclass(frozen=True)
class Shape:
    """The numbers of a model that its memory depends on."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head: int
    inner: int
    vocab: int
    tied: bool
    gated: bool
    experts: int
    active: int
    expert_inner: int
    dense_layers: int
    latent: int


def shape_of(config: Any) -> Shape:
    """The shape a config.json describes; ValueError names what it lacks."""
    if not isinstance(config, dict):
        raise ValueError("config.json is no object")
    inner = config.get("text_config") or config.get("llm_config")
    config = {**config, **inner} if isinstance(inner, dict) else config

    def number(*names: str, default: int | None = None) -> int:
        value = next((config[name] for name in names if config.get(name) is not None), default)
        if not isinstance(value, int):
            raise ValueError(f"config.json has no {' or '.join(names)}")
        return value

    hidden = number("hidden_size", "n_embd", "d_model")
    heads = number("num_attention_heads", "n_head", "num_heads")
    layers = number("num_hidden_layers", "n_layer", "num_layers")
    wide = number("intermediate_size", "n_inner", "ffn_dim", "d_ff", default=4 * hidden)
    experts = number("num_local_experts", "num_experts", "n_routed_experts", default=0)
    kind = str(config.get("model_type", ""))
    latent = number("kv_lora_rank", default=0)
    return Shape(
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=number("num_key_value_heads", "num_kv_heads", default=heads),
        head=number("head_dim", default=hidden // heads),
        inner=wide,
        vocab=number("vocab_size"),
        tied=bool(config.get("tie_word_embeddings", kind.startswith(("gpt2", "gemma", "opt")))),
        gated=kind not in UNGATED,
        experts=experts,
        active=number("num_experts_per_tok", default=2) + number("n_shared_experts", default=0),
        expert_inner=number("moe_intermediate_size", default=wide),
        dense_layers=number("first_k_dense_replace", default=0) if experts else layers,
        latent=latent + number("qk_rope_head_dim", default=0) if latent else 0,
    )


def parameters(shape: Shape) -> tuple[int, int]:
    """All weights, and those that one token uses."""
    mats = 3 if shape.gated else 2
    attention = 2 * shape.hidden * shape.head * (shape.heads + shape.kv_heads)
    dense = mats * shape.hidden * shape.inner
    expert = mats * shape.hidden * shape.expert_inner
    sparse = shape.layers - shape.dense_layers
    router = shape.hidden * shape.experts * sparse
    fixed = shape.vocab * shape.hidden * (1 if shape.tied else 2) + router
    fixed += shape.layers * (attention + 2 * shape.hidden) + shape.dense_layers * dense
    return fixed + sparse * shape.experts * expert, fixed + sparse * shape.active * expert


def cache_per_token(shape: Shape, width: float) -> float:
    """Bytes that the keys and values of one token take in all layers."""
    values = shape.latent or 2 * shape.kv_heads * shape.head
    return shape.layers * values * width


def serving(shape: Shape, total: int, options: argparse.Namespace) -> dict[str, float]:
    cache = cache_per_token(shape, BYTES[options.cache]) * options.context * options.batch
    return {"weights": total * BYTES[options.dtype], f"cache ({options.cache})": cache}


def training(shape: Shape, total: int, options: argparse.Namespace) -> dict[str, float]:
    """Mixed-precision Adam with checkpointed activations. LoRA trains `rank` on every matrix."""
    tokens = options.batch * options.context
    parts = {"weights": total * BYTES[options.dtype]}
    if options.use == "lora":
        sides = 4 * shape.hidden + 3 * (shape.hidden + shape.inner)
        trained = shape.layers * options.rank * (sides + 2 * shape.head * shape.heads)
        parts["adapters, gradients, Adam"] = 16.0 * trained
    else:
        parts |= {"weights": 2.0 * total, "gradients": 2.0 * total, "Adam and copy": 12.0 * total}
    parts["kept activations"] = 2.0 * tokens * shape.hidden * shape.layers
    parts["one layer's activations"] = tokens * (34.0 * shape.hidden + 6.0 * shape.inner)
    parts["logits and their gradient"] = 8.0 * tokens * shape.vocab
    return parts


def size(text: str) -> float:
    """`24GiB`, `80GB` or `512M` in bytes; a bare number is GiB."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 24GiB")
    units = {"gib": 2**30, "gb": 10**9, "g": 2**30, "mib": 2**20, "mb": 10**6, "m": 2**20}
    return float(found[1]) * units[(found[2] or "gib").lower()]


def measured(folder: Path) -> int:
    """Bytes of the safetensors files beside the config, 0 if there are none."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="config.json of the model, or its folder")
    parser.add_argument("--use", choices=("serve", "train", "lora"), default="serve")
    parser.add_argument("--dtype", choices=BYTES, default="bf16", help="of the weights")
    parser.add_argument("--cache", choices=BYTES, default="bf16", help="of keys and values")
    parser.add_argument("--context", type=int, default=4096, help="tokens of one sequence")
    parser.add_argument("--batch", type=int, default=1, help="sequences at the same time")
    parser.add_argument("--rank", type=int, default=16, help="of LoRA adapters")
    parser.add_argument("--fits", type=size, help="memory of the device; exit 1 if it is too small")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    file = options.config / "config.json" if options.config.is_dir() else options.config
    try:
        shape = shape_of(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot read {file}: {error}\n")
        return 2
    total, active = parameters(shape)
    parts = (serving if options.use == "serve" else training)(shape, total, options)
    need = sum(parts.values()) * SLACK + CONTEXT_GIB * GIB
    lines = [f"parameters: {total / 1e9:.2f} billion, {active / 1e9:.2f} billion for one token"]
    if on_disk := measured(file.parent):
        lines.append(f"weight files: {on_disk / GIB:.2f} GiB on disk")
    lines.append(
        f"cache of one token: {cache_per_token(shape, BYTES[options.cache]) / 1024:.1f} KiB"
    )
    lines += [f"{name}: {value / GIB:.2f} GiB" for name, value in parts.items()]
    lines.append(f"needed, with driver and fragments: {need / GIB:.2f} GiB")
    if options.fits:
        lines.append(
            f"{'fits' if need <= options.fits else 'DOES NOT FIT'} in {options.fits / GIB:.2f} GiB"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    return int(bool(options.fits) and need > options.fits)


if __name__ == "__main__":
    sys.exit(main())
