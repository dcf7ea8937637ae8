"""The graph of one model in one run: its weights, caches and inputs as nodes (src/llama-graph.cpp, b11434)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...probe.model.ggml_types import TYPES_BY_NAME
from ...probe.model.types import Layer, Model, Tensor
from ..settings import Placement, Settings, cells_per_stream, cells_sliding
from .builder import Builder
from .node import F16, F32, I32, I64, Node, Shape4

Value = str | int | float | bool | None


class Batch:
    """How much goes through the model at once."""

    __slots__ = ("outputs", "sequences", "tokens")

    def __init__(self, tokens: int, sequences: int, outputs: int) -> None:
        self.tokens = -(-tokens // sequences) * sequences
        self.sequences = sequences
        self.outputs = outputs


class Graph(Builder):
    """A builder that knows the model."""

    def __init__(
        self,
        model: Model,
        placement: Placement,
        settings: Settings,
        places: Mapping[str, str],
        tensors: Mapping[str, Tensor],
        layer_places: tuple[str, ...],
        layers: tuple[int, ...],
        batch: Batch,
    ) -> None:
        super().__init__()
        self.model, self.shape, self.settings = model, model.shape, settings
        self.arch = model.shape.architecture
        self.layers = layers
        self.last = len(model.shape.run_layers) - 1
        self.tokens, self.sequences, self.outputs = batch.tokens, batch.sequences, batch.outputs
        self.fused = settings.flash_attention and self.arch != "grok"
        self.embedding = model.shape.embedding
        self.streams = 1 if settings.unified_kv else batch.sequences
        self.processor = len(placement.devices)
        self._backends = {name: at for at, name in enumerate(placement.devices)}
        self._places, self._tensors, self._layer_places = places, tensors, layer_places
        self._weights: dict[str, Node | None] = {}
        self._caches: dict[tuple[int, str], Node] = {}
        full = placement.gpu_layers > len(model.shape.layers)
        self.pinning = bool(placement.devices) and (full or self.tokens < 32)
        self.cells = cells_per_stream(settings)
        self.cells_sliding = cells_sliding(settings, model.shape.sliding_window)
        self.kind_k, self.kind_v = TYPES_BY_NAME[settings.type_k], TYPES_BY_NAME[settings.type_v]

    # What the file says.

    def value(self, key: str, default: Value = None) -> Value:
        """A hyperparameter."""
        found = self.model.metadata.get(f"{self.arch}.{key}", default)
        return default if isinstance(found, tuple) else found

    def number(self, key: str, default: float = 0) -> float:
        """A hyperparameter that is a number."""
        found = self.value(key, default)
        return default if found is None or isinstance(found, str) else found

    def listed(self, key: str, il: int) -> float:
        """A hyperparameter with a number for each layer, or one for all."""
        found = self.model.metadata.get(f"{self.arch}.{key}", 0)
        if isinstance(found, tuple):
            found = found[il] if il < len(found) else 0
        return 0 if isinstance(found, str) else found

    def layer(self, il: int) -> Layer:
        """The numbers of a layer."""
        return self.shape.layers[il]

    def backend_of_layer(self, il: int) -> int:
        """Where a layer lies."""
        return self._backends.get(self._layer_places[il], self.processor)

    def has(self, il: int, name: str) -> bool:
        """Whether a layer has a tensor of this name (with its `.weight` or `.bias`)."""
        return f"blk.{il}.{name}" in self._tensors

    # Weights.

    def weight(self, name: str) -> Node | None:
        """A tensor of the file; None where it has none of this name."""
        if name in self._weights:
            return self._weights[name]
        tensor = self._tensors.get(name) or self._tensors.get(name.removesuffix(".weight"))
        node = None
        if tensor is not None:
            place = self._places.get(tensor.name if name not in self._tensors else name, "host")
            backend = self._backends.get(place, self.processor)
            kind = TYPES_BY_NAME.get(tensor.type, F16)
            ne = (*tensor.shape, 1, 1, 1, 1)[:4]
            node = self.placed(kind, (ne[0], ne[1], ne[2], ne[3]), backend, weight=True)
            node.movable = backend == self.processor and place != "repack"
        self._weights[name] = node
        return node

    def w(self, il: int, name: str) -> Node | None:
        """A weight of a layer."""
        return self.weight(f"blk.{il}.{name}.weight")

    def b(self, il: int, name: str) -> Node | None:
        """A bias of a layer."""
        return self.weight(f"blk.{il}.{name}.bias")

    def rope_factors(self, il: int) -> Node | None:
        """Frequencies of the rotation, a copy on every layer's device; long or short ones by the context."""
        names = ["rope_freqs"]
        trained = int(self.number("rope.scaling.original_context_length", self.shape.context_trained or 0))
        names.append("rope_factors_long" if self.cells > trained else "rope_factors_short")
        for name in names:
            tensor = self._tensors.get(f"{name}.weight")
            if tensor is not None:
                backend = self.backend_of_layer(il)
                key = f"{name}@{backend}"
                if key not in self._weights:
                    ne = (tensor.shape[0], 1, 1, 1)
                    factors = self.placed(F32, ne, backend, weight=True)
                    factors.movable = backend == self.processor
                    self._weights[key] = factors
                return self._weights[key]
        return None

    # Caches.

    def cache(self, il: int, part: str, ne: Shape4, kind_name: str | None = None) -> Node:
        """A tensor of a layer's key/value cache or recurrent state; it lies with the layer unless kept on the host."""
        key = (il, part)
        if key not in self._caches:
            kind = TYPES_BY_NAME[kind_name] if kind_name else self.kind_k if part == "k" else self.kind_v
            backend = self.backend_of_layer(il) if self.settings.kv_offload else self.processor
            self._caches[key] = self.placed(kind, ne, backend, weight=False)
        return self._caches[key]

    # Steps that every architecture shares.

    def mm(self, il: int, name: str, x: Node) -> Node:
        """Multiply with a layer's weight, and its scale where there is one."""
        weight = self.w(il, name)
        if weight is None:
            raise KeyError(f"blk.{il}.{name}.weight")
        return self.product(weight, x, f"blk.{il}.{name}")

    def product(self, weight: Node, x: Node, name: str) -> Node:
        """Multiply with a weight, and its scale where there is one."""
        result = self.mul_mat(weight, x)
        scale = self.weight(f"{name}.scale")
        return result if scale is None else self.mul(result, scale)

    def linear(self, il: int, name: str, x: Node) -> Node:
        """Weight and bias."""
        result = self.mm(il, name, x)
        bias = self.b(il, name)
        return result if bias is None else self.add(result, bias)

    def pin(self, node: Node, il: int) -> None:
        """Keep a node on its layer's backend, as llama.cpp does with norms."""
        if self.pinning and il >= 0:
            node.pinned = self.backend_of_layer(il)

    def normed(self, x: Node, weight: Node | None, bias: Node | None, il: int, *, rms: bool = True) -> Node:
        """Root mean square norm, or layer norm, with weight and bias."""
        x = self.rms_norm(x) if rms else self.norm(x)
        if weight is not None or bias is not None:
            self.pin(x, il)
        if weight is not None:
            x = self.mul(x, weight)
        return x if bias is None else self.add(x, bias)

    def norm_of(self, il: int, name: str, x: Node, *, rms: bool = True, pin: bool = True) -> Node:
        """The norm of a layer with this name."""
        return self.normed(x, self.w(il, name), self.b(il, name), il if pin else -1, rms=rms)

    # Inputs.

    def positions(self, per_token: int = 1) -> Node:
        """Position of every token."""
        return self.input(I32, self.tokens * per_token)

    def mask(self, cells: int) -> Node:
        """Which cell each token sees."""
        return self.input(F16 if self.fused else F32, cells, self.tokens // self.streams, 1, self.streams)

    def indices(self, width: int = 1) -> Node:
        """Into which cell each token goes."""
        return self.input(I64, self.tokens * width)

    def embedded(self, *, scaled: bool = False, width: int | None = None, mixed: bool = True) -> Node:
        """Embeddings of the tokens. All ways of input are in the graph: tokens, vectors, and both mixed."""
        table = self.weight("token_embd.weight")
        if table is None:
            raise KeyError("token_embd.weight")
        wide = width or self.embedding
        tokens, vectors = self.input(I32, self.tokens), self.input(F32, wide, self.tokens)
        chosen = self._looked_up(table, tokens, wide)
        self.expand(chosen, vectors)
        if mixed:
            some, slots = self.input(I32, self.tokens), self.input(I64, self.tokens)
            mixture = self.dup(self.input(F32, wide, self.tokens))
            self.expand(self.set_rows(mixture, self._looked_up(table, some, wide), slots))
        if wide != self.embedding:
            chosen = self.view_2d(chosen, self.embedding, self.tokens, chosen.strides()[1])
        factor = self.number("embedding_scale", 1 if self.arch in ("grok", "minicpm") else 0)
        deep = self.number("n_deepstack_layers")
        if factor and not deep:
            chosen = self.scale(self.cont(chosen) if chosen.nb else chosen)
        if scaled or (factor and deep):
            rows = self.input(F32, 1, self.tokens)
            chosen = self.mul(self.cont(chosen) if chosen.nb else chosen, rows)
        self.expand(chosen)
        return chosen

    def _looked_up(self, table: Node, tokens: Node, wide: int) -> Node:
        rows = self.get_rows(table, tokens)
        return rows if wide == self.embedding else self.pad(rows, wide - self.embedding)

    def output_rows(self) -> Node:
        """Which tokens' logits are wanted."""
        return self.input(I32, self.outputs)

    def finish(self, x: Node, *, rms: bool = True, after: Callable[[Node], Node] | None = None) -> None:
        """The last norm and the output matrix."""
        x = self.normed(x, self.weight("output_norm.weight"), self.weight("output_norm.bias"), -1, rms=rms)
        x.is_output = True
        self.logits(x, after)

    def logits(self, x: Node, after: Callable[[Node], Node] | None = None) -> None:
        """The output matrix."""
        head = self.weight("token_embd.weight" if self.arch == "bitnet" else "output.weight")
        if head is None:
            raise KeyError("output.weight")
        x = self.product(head, x, "output")
        bias = self.weight("output.bias")
        if bias is not None:
            x = self.add(x, bias)
        if after is not None:
            x = after(x)
        x.is_output = True
        self.expand(x)
