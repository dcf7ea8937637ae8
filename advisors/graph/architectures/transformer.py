"""The usual decoder: attention and feed-forward blocks around a residual stream (src/models/*.cpp, b11434)."""

from __future__ import annotations

from ..attention import Caches, attend, key_length, project, value_length
from ..feed_forward import dense, experts
from ..graph import Graph
from ..node import F32, VIEW, Node
from .gating import SHARED, gating_of
from .style import Style


def transformer(graph: Graph, style: Style) -> None:
    """The whole graph."""
    _Decoder(graph, style).build()


class _Decoder:
    """A graph in the making, with the inputs that all layers share."""

    def __init__(self, graph: Graph, style: Style) -> None:
        self.graph, self.style = graph, style
        self.deep = int(graph.number("n_deepstack_layers"))
        self.scaled_residual = graph.arch == "minicpm" or bool(graph.number("residual_scale"))

    def build(self) -> None:
        graph, style = self.graph, self.style
        wide = graph.embedding * (1 + self.deep) if self.deep else None
        embedded = x = graph.embedded(scaled=style.input_scaled == "rows", width=wide)
        if style.input_scaled == "all":
            x = graph.scale(x)
        self.positions = graph.positions(style.positions)
        table = graph.weight("position_embd.weight")
        if style.position_table and table is not None:
            x = graph.add(x, graph.get_rows(table, self.positions))
        norm, bias = graph.weight("token_embd_norm.weight"), graph.weight("token_embd_norm.bias")
        if norm is not None:
            x = graph.normed(x, norm, bias, 0, rms=False)
        self.temperature = graph.input(F32, 1, 1, graph.tokens) if self._has_temperature() else None
        self.caches = Caches(graph)
        self.wanted = graph.output_rows()
        for il in graph.layers:
            x = self._layer(il, x)
            if il < self.deep:
                x = graph.add(x, graph.view_2d(embedded, graph.embedding, graph.tokens, embedded.strides()[1]))
        self._end(x)

    def _has_temperature(self) -> bool:
        graph = self.graph
        return self.style.temperature and (graph.arch == "llama4" or bool(graph.number("attention.temperature_scale")))

    def _end(self, x: Node) -> None:
        graph, style = self.graph, self.style
        if style.rows == "before-norm":
            x.is_output = True
            x = graph.get_rows(x, self.wanted)
        weight, bias = graph.weight("output_norm.weight"), graph.weight("output_norm.bias")
        x = graph.normed(x, *((None, None) if style.bare_norms else (weight, bias)), -1, rms=style.rms)
        x.is_output = True
        if style.rows == "after-norm":
            x = graph.get_rows(x, self.wanted)
            x.is_output = True
        graph.logits(x, self._final)

    def _final(self, x: Node) -> Node:
        graph, style = self.graph, self.style
        scales = style.logits == "scale" and bool(graph.number("logit_scale"))
        if scales or graph.arch in ("minicpm", "grok"):
            x = graph.scale(x)
        if style.logits == "softcap" and (graph.number("final_logit_softcapping") or graph.arch == "gemma2"):
            x = graph.scale(graph.unary(graph.scale(x)))
        return x

    def _norm(self, il: int, name: str, x: Node, *, pin: bool = True) -> Node | None:
        """The norm of this name; None where the layer has none."""
        graph, style = self.graph, self.style
        if style.bare_norms:
            return graph.normed(x, None, None, il, rms=style.rms)
        return graph.norm_of(il, name, x, rms=style.rms, pin=pin) if graph.w(il, name) is not None else None

    def _layer(self, il: int, x: Node) -> Node:
        graph, style = self.graph, self.style
        layer, skip = graph.layer(il), x
        routed = self._early_router(il, x)
        normed = self._norm(il, "attn_norm", x)
        normed = x if normed is None else normed
        attended = self._attended(il, x, normed) if layer.heads else x
        if il == graph.last and style.rows == "layer":
            attended, skip = graph.get_rows(attended, self.wanted), graph.get_rows(skip, self.wanted)
            if self._uses_normed(il):
                normed = graph.get_rows(normed, self.wanted)
            if routed is not None:
                routed = graph.get_rows(routed, self.wanted)
        if graph.arch == "deci" and not layer.ffn:
            return attended
        if style.post_norm and not style.bare_norms:
            after = self._norm(il, style.post_norm, attended)
            attended = attended if after is None else after
        if self.scaled_residual:
            attended = graph.scale(attended)
        if style.residual != "serial" or self._beside(il):
            return self._parallel(il, normed, attended, skip, routed)
        return self._serial(il, normed, attended, skip, routed)

    def _early_router(self, il: int, x: Node) -> Node | None:
        graph = self.graph
        if self.style.router_early and graph.w(il, "ffn_gate_inp") is not None:
            return graph.mm(il, "ffn_gate_inp", x)
        return None

    def _attended(self, il: int, x: Node, normed: Node) -> Node:
        graph, style = self.graph, self.style
        source = self._norm(il, "attn_norm_2", x) if graph.w(il, "attn_norm_2") is not None else None
        attended = self._attention(il, normed if source is None else source)
        if style.value_scaled and graph.number(style.value_scaled):
            attended = graph.scale(attended)
        return attended

    def _uses_normed(self, il: int) -> bool:
        """Whether the feed-forward part sees the attention's input."""
        return self.style.residual != "serial" or self._from_normed(il)

    def _from_normed(self, il: int) -> bool:
        return self.graph.arch == "stablelm" and self.graph.w(il, self.style.ffn_norm) is None

    def _beside(self, il: int) -> bool:
        return self.graph.arch == "gptneox" and bool(self.graph.value("use_parallel_residual", True))

    def _parallel(self, il: int, normed: Node, attended: Node, skip: Node, routed: Node | None) -> Node:
        graph, order = self.graph, self.style.residual
        if self._beside(il):
            order, normed = "attention-last", graph.norm_of(il, "ffn_norm", skip, rms=self.style.rms)
        x = self._feed_forward(il, normed, routed)
        if order == "attention-last":
            return graph.add(graph.add(x, skip), attended)
        both = graph.add(x, attended) if order == "input-last" else graph.add(attended, x)
        return graph.add(both, skip)

    def _serial(self, il: int, normed: Node, attended: Node, skip: Node, routed: Node | None) -> Node:
        graph, style = self.graph, self.style
        middle = attended
        if graph.layer(il).heads:
            middle = graph.add(skip, attended) if style.skip_first else graph.add(attended, skip)
        x = self._norm(il, style.ffn_norm, middle)
        if x is None:
            x = normed if self._from_normed(il) else middle
        if graph.w(il, "ffn_norm_exps") is not None:
            return self._experts_beside(il, x, middle, skip)
        x = self._feed_forward(il, x, routed)
        after = None if style.bare_norms else self._norm(il, "post_ffw_norm", x, pin=style.pin_ffn_post)
        x = x if after is None else after
        if self.scaled_residual:
            x = graph.scale(x)
        return graph.add(middle, x) if style.residual_order == "old-first" else graph.add(x, middle)

    def _experts_beside(self, il: int, x: Node, middle: Node, skip: Node) -> Node:
        """arctic: a dense block, and experts that see the layer's input."""
        graph = self.graph
        beside = graph.add(dense(graph, il, x), middle)
        x = graph.norm_of(il, "ffn_norm_exps", skip)
        return graph.add(experts(graph, il, x, scale=float(graph.number("expert_weights_scale"))), beside)

    def _rotates(self, il: int) -> bool:
        graph, rope = self.graph, self.style.rope
        layer, slides = graph.layer(il), graph.shape.sliding_kind != "none"
        steps = int(graph.number("no_rope_layer_interval", 4))
        answers = {
            "always": graph.arch != "baichuan" or len(graph.shape.layers) == 32,
            "never": False,
            "sliding": layer.sliding,
            "sliding-or-dense": layer.sliding or il < int(graph.number("leading_dense_block_count")),
            "sliding-or-all": layer.sliding or not slides,
            "steps": (il + 1) % steps != 0 if steps else not slides,
            "steps-from-zero": not slides or il % (steps or 4) != 0,
            "finetuned": bool(graph.value("rope.scaling.finetuned", True)),
        }
        return answers[rope]

    def _attention(self, il: int, x: Node) -> Node:
        graph, style = self.graph, self.style
        layer = graph.layer(il)
        if not layer.kv_heads:
            return graph.mm(il, "attn_output", x)
        q, k, v = project(graph, il, x, key_length(graph, il), layer.heads, layer.kv_heads, value_length(graph, il))
        q, k = self._turned(il, q, k)
        if style.query_scaled:
            q = graph.scale(q)
        sinks = graph.weight(f"blk.{il}.attn_sinks.weight")
        gated = graph.w(il, "attn_gate") is not None
        if not gated and graph.w(il, "attn_sub_norm") is None:
            return attend(graph, self.caches, il, q, k, v, sinks=sinks)
        attended = attend(graph, self.caches, il, q, k, v, sinks=sinks, output=None)
        attended = self._gated(il, attended, x) if gated else graph.norm_of(il, "attn_sub_norm", attended)
        return graph.linear(il, "attn_output", attended)

    def _turned(self, il: int, q: Node, k: Node) -> tuple[Node, Node]:
        """Queries and keys, normed and rotated in the architecture's order."""
        graph, style = self.graph, self.style
        rotates, normed = self._rotates(il), graph.w(il, "attn_q_norm") is not None
        if normed and not style.norm_after_rope:
            q, k = self._normed_heads(il, q, "attn_q_norm"), self._normed_heads(il, k, "attn_k_norm")
        if rotates:
            factors = graph.rope_factors(il)
            q, k = graph.rope(q, self.positions, factors), graph.rope(k, self.positions, factors)
        if normed and style.norm_after_rope:
            q, k = (graph.norm_of(il, f"attn_{n}_norm", part, rms=style.rms) for n, part in (("q", q), ("k", k)))
        if self.temperature is not None and not (rotates and graph.arch == "llama4"):
            q = graph.mul(q, self.temperature)
        if style.bare_query_norm and rotates and graph.shape.experts != 128:
            q, k = graph.rms_norm(q), graph.rms_norm(k)
        return q, k

    def _normed_heads(self, il: int, x: Node, name: str) -> Node:
        """Normed head by head, or all heads together where the weight is as long."""
        graph, rms = self.graph, self.style.rms
        weight = graph.w(il, name)
        head, heads, tokens, _ = x.ne
        if weight is None or weight.ne[0] != head * heads or heads == 1:
            return graph.norm_of(il, name, x, rms=rms)
        if x.nb is not None:
            flat = graph.cont(x, head * heads, tokens)
        elif x.op == VIEW and x.src[0].ne[:2] == (head * heads, tokens):
            flat = x.src[0]
        else:
            flat = graph.reshape(x, head * heads, tokens)
        return graph.reshape(graph.norm_of(il, name, flat, rms=rms), head, heads, tokens)

    def _gated(self, il: int, attended: Node, x: Node) -> Node:
        """Multiplied with a gate, element by element or head by head."""
        graph, heads = self.graph, self.graph.layer(il).heads
        gate = graph.unary(graph.mm(il, "attn_gate", x))
        if gate.ne[0] != heads:
            return graph.mul(attended, gate)
        width, tokens = attended.ne[0], attended.ne[1]
        by_head = graph.reshape(attended, width // heads, heads, tokens)
        by_head = graph.mul(by_head, graph.reshape(gate, 1, heads, tokens))
        return graph.reshape(by_head, width, tokens)

    def _feed_forward(self, il: int, x: Node, routed: Node | None) -> Node:
        graph, style = self.graph, self.style
        if graph.w(il, "ffn_gate_inp") is None:
            if graph.w(il, "ffn_sub_norm") is not None:
                y = graph.norm_of(il, "ffn_sub_norm", graph.glu(graph.mm(il, "ffn_gate", x), graph.mm(il, "ffn_up", x)))
                return graph.mm(il, "ffn_down", y)
            return dense(graph, il, x, style.act)
        normed = style.weights_normed
        if normed is None:
            normed = bool(graph.value("expert_weights_norm", False))
        gating, scale = style.gating or gating_of(graph, style.gating_default), graph.number("expert_weights_scale")
        out = experts(
            graph, il, x, act=style.act, gating=gating, normed=normed, scale=float(scale),
            before=style.weighed_first, biased=style.selection_biased, logits=routed,
        )  # fmt: skip
        if graph.w(il, "ffn_up_shexp") is not None:
            return self._with_shared(il, x, out)
        if graph.arch == "grok" and graph.w(il, "ffn_up") is not None:
            return graph.scale(graph.add(dense(graph, il, x, style.act), out))
        return out

    def _with_shared(self, il: int, x: Node, out: Node) -> Node:
        graph, style = self.graph, self.style
        # granite's sliding models hold the shared gate in the matrix of up.
        joined = graph.w(il, "ffn_gate_shexp") is None and graph.arch == "granite_swa"
        shared = dense(graph, il, x, "swiglu" if joined else "silu", names=SHARED)
        gate = graph.w(il, "ffn_gate_inp_shexp")
        if gate is not None:
            opened = graph.mul_mat(gate, x)
            opened = graph.div(graph.unary(opened), opened) if style.shared_gate == "silu-div" else graph.unary(opened)
            shared = graph.mul(shared, opened)
        out = graph.add(out, shared)
        return graph.scale(out) if style.shared_averaged else out
