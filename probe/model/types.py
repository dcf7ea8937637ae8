"""What is known of a model: its shape, its tensors, its files."""

from typing import Literal, NamedTuple

from ..reading import Reading

ModelKind = Literal["gguf", "safetensors", "shape"]
"""`shape`: no file, only numbers from a catalogue."""

SwaKind = Literal["none", "standard", "chunked", "symmetric"]


class Tensor(NamedTuple):
    """One tensor as the file's header tells of it."""

    name: str
    shape: tuple[int, ...]
    """As ggml counts: the fastest dimension (the row length) first."""
    type: str
    """A name of `ggml_types.GGML_TYPES`, or the safetensors dtype in lower case."""
    size_bytes: int
    """Without padding."""
    file: int = 0
    """Index into `Model.files`."""
    offset: int = 0
    """Within the file, from its start."""

    @property
    def elements(self) -> int:
        """The product of the shape."""
        product = 1
        for length in self.shape:
            product *= length
        return product


class Layer(NamedTuple):
    """One block of the model, as far as memory and speed depend on it."""

    heads: int
    """Query heads; 0 where the layer has no attention."""
    kv_heads: int
    ffn: int
    """Length of the dense feed-forward part; 0 where there is none."""
    sliding: bool
    """Attends to a window only."""
    recurrent: bool
    """Keeps a state of constant size (mamba, linear attention, short convolution)."""
    has_kv: bool
    """Has a key/value cache of its own in the main context."""
    experts_used: int
    """0 where the layer has no experts."""
    expert_ffn: int


class Shape(Reading):
    """The hyperparameters, in the terms of GGUF (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md)."""

    architecture: str
    """GGUF's name: `llama`, `qwen3moe`, `deepseek2` ..."""
    embedding: int
    """n_embd."""
    vocabulary: int
    """Rows of the output matrix."""
    context_trained: int | None
    layers: tuple[Layer, ...]
    """All blocks of the file, those for multi-token prediction last."""
    predict_layers: int
    """nextn_predict_layers: the last blocks, not run unless speculative decoding is asked for."""
    key_length: int
    """Of one head."""
    value_length: int
    key_length_swa: int
    """Of one head in sliding layers."""
    value_length_swa: int
    rope_dimensions: int
    sliding_window: int
    """Tokens; 0 where no layer slides."""
    sliding_kind: SwaKind
    mla: bool
    """Keys and values are one compressed vector (multi-head latent attention)."""
    key_length_mla: int
    value_length_mla: int
    kv_lora_rank: int
    q_lora_rank: int
    experts: int
    experts_shared: int
    shared_expert_ffn: int
    state_conv_elements: int
    """n_embd_r: elements of the convolution's state of one recurrent layer and sequence."""
    state_elements: int
    """n_embd_s: elements of the recurrent state of one layer and sequence."""
    indexer_head: int
    """Head size of the sparse-attention indexer's cache; 0 where there is none."""

    @property
    def run_layers(self) -> tuple[Layer, ...]:
        """The layers that run for every token (llama.cpp's n_layer)."""
        return self.layers[: len(self.layers) - self.predict_layers]


class ModelPart(Reading):
    """One file of a model."""

    path: str
    size_bytes: int
    header_bytes: int
    """Where the tensors' data begin."""


class Model(Reading):
    """A model, from the headers of its files."""

    name: str
    path: str
    kind: ModelKind
    shape: Shape
    tensors: tuple[Tensor, ...]
    files: tuple[ModelPart, ...]
    quantization: str
    """What people call it: Q4_K_M, MXFP4, GPTQ 4-bit, FP8, BF16 ..."""
    title: str | None
    """The name in its metadata."""
    chat_template: bool
    metadata: dict[str, str | int | float | bool | tuple[str | int | float | bool, ...]]
    """Scalars and short arrays of the header, without the tokenizer."""
    oddities: tuple[str, ...]
    """What a user should know that is unusual, a sentence each."""
    active_parameters: int
    """Weights that one token multiplies with."""

    @property
    def parameters(self) -> int:
        """All weights."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def weights_bytes(self) -> int:
        """All tensors together, without padding."""
        return sum(tensor.size_bytes for tensor in self.tensors)
