// A backend for llama.cpp that claims GPUs of any size on a machine without one: every operation is accepted, nothing is
// computed and no device memory is taken. Buffers are sized as CUDA sizes them, so that llama.cpp's own arithmetic can be
// read off for any set of devices. LLMTUNE_FAKE_GPUS: MiB of each, with commas; 0 or absent: no device.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "ggml-backend-impl.h"
#include "ggml.h"

namespace {

struct Card {
    std::string name;
    size_t bytes = 0;
    ggml_backend_buffer_type memory{};
    ggml_backend_device device{};
};

std::vector<std::unique_ptr<Card>> cards;
ggml_backend_reg registry{};

constexpr size_t ALIGNMENT = 128;
constexpr int64_t ROW = 512;
constexpr int64_t WORTH_MOVING = 32;

Card * card_of(ggml_backend_buffer_type_t type) { return static_cast<Card *>(type->context); }
Card * card_of(ggml_backend_dev_t device) { return static_cast<Card *>(device->context); }

size_t padded(size_t size) { return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

// Fused attention keeps copies in f16 of caches of other types behind its result.
size_t attention_size(const ggml_tensor * node) {
    size_t size = ggml_nbytes(node);
    const ggml_tensor * keys = node->src[1];
    const ggml_tensor * values = node->src[2];
    if (node->src[0]->ne[1] <= 2) {
        return size;
    }
    if (keys->type != GGML_TYPE_F16) {
        size = padded(size) + ggml_nelements(keys) * 2;
    }
    const bool shared = values->view_src && values->view_src == keys->view_src && values->view_offs == keys->view_offs;
    if (values->type != GGML_TYPE_F16 && !shared) {
        size = padded(size) + ggml_nelements(values) * 2;
    }
    return size;
}

size_t size_in_memory(ggml_backend_buffer_type_t, const ggml_tensor * tensor) {
    size_t size = tensor->op == GGML_OP_FLASH_ATTN_EXT ? attention_size(tensor) : ggml_nbytes(tensor);
    if (ggml_is_quantized(tensor->type) && tensor->ne[0] % ROW) {
        size += ggml_row_size(tensor->type, ROW - tensor->ne[0] % ROW);
    }
    return size;
}

ggml_backend_buffer_t no_memory(ggml_backend_buffer_type_t type, size_t size) {
    ggml_backend_buffer_i calls{};
    calls.free_buffer = [](ggml_backend_buffer_t) {};
    calls.get_base = [](ggml_backend_buffer_t) { return reinterpret_cast<void *>(uintptr_t{1} << 20); };
    calls.memset_tensor = [](ggml_backend_buffer_t, ggml_tensor *, uint8_t, size_t, size_t) {};
    calls.set_tensor = [](ggml_backend_buffer_t, ggml_tensor *, const void *, size_t, size_t) {};
    calls.get_tensor = [](ggml_backend_buffer_t, const ggml_tensor *, void * data, size_t, size_t bytes) {
        memset(data, 0, bytes);
    };
    calls.cpy_tensor = [](ggml_backend_buffer_t, const ggml_tensor *, ggml_tensor *) { return true; };
    calls.clear = [](ggml_backend_buffer_t, uint8_t) {};
    return ggml_backend_buffer_init(type, calls, nullptr, size);
}

// The driver's host memory, which the CPU's tensors go to when there is a GPU.
ggml_backend_buffer_type * pinned() {
    static ggml_backend_buffer_type type{};
    type.iface.get_name = [](ggml_backend_buffer_type_t) { return "PINNED"; };
    type.iface.alloc_buffer = [](ggml_backend_buffer_type_t self, size_t size) {
        ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
        if (buffer) {
            buffer->buft = self;
        }
        return buffer;
    };
    type.iface.get_alignment = [](ggml_backend_buffer_type_t) -> size_t { return 32; };
    type.iface.is_host = [](ggml_backend_buffer_type_t) { return true; };
    type.device = &cards[0]->device;
    return &type;
}

int64_t rows(const ggml_tensor * node) {
    switch (node->op) {
        case GGML_OP_GET_ROWS:
            return 0;
        case GGML_OP_MUL_MAT:
            return node->ne[1];
        case GGML_OP_MUL_MAT_ID:
        case GGML_OP_ROPE:
            return node->ne[2];
        default:
            return ggml_nrows(node);
    }
}

ggml_backend_t start(ggml_backend_dev_t device, const char *) {
    static uint8_t guid[16] = {'l', 'l', 'm', 't', 'u', 'n', 'e'};
    ggml_backend_i calls{};
    calls.get_name = [](ggml_backend_t self) { return card_of(self->device)->name.c_str(); };
    calls.free = [](ggml_backend_t self) { delete self; };
    calls.synchronize = [](ggml_backend_t) {};
    calls.graph_compute = [](ggml_backend_t, ggml_cgraph *) { return GGML_STATUS_SUCCESS; };
    calls.event_record = [](ggml_backend_t, ggml_backend_event_t) {};
    calls.event_wait = [](ggml_backend_t, ggml_backend_event_t) {};
    return new ggml_backend{reinterpret_cast<ggml_guid_t>(&guid), calls, device, device->context};
}

void describe(ggml_backend_dev_t device, ggml_backend_dev_props * props) {
    const Card * card = card_of(device);
    props->name = card->name.c_str();
    props->description = "a GPU that is not there";
    props->type = GGML_BACKEND_DEVICE_TYPE_GPU;
    props->memory_free = props->memory_total = card->bytes;
    props->caps.async = props->caps.host_buffer = props->caps.events = props->caps.mmap_support = true;
    props->caps.buffer_from_host_ptr = false;
}

void add_card(size_t mebibytes) {
    auto card = std::make_unique<Card>();
    card->name = "FAKE" + std::to_string(cards.size());
    card->bytes = mebibytes << 20;

    ggml_backend_buffer_type_i memory{};
    memory.get_name = [](ggml_backend_buffer_type_t type) { return card_of(type)->name.c_str(); };
    memory.alloc_buffer = no_memory;
    memory.get_alignment = [](ggml_backend_buffer_type_t) { return ALIGNMENT; };
    memory.get_alloc_size = size_in_memory;
    card->memory.iface = memory;
    card->memory.device = &card->device;
    card->memory.context = card.get();

    ggml_backend_device_i calls{};
    calls.get_name = [](ggml_backend_dev_t device) { return card_of(device)->name.c_str(); };
    calls.get_description = [](ggml_backend_dev_t) { return "a GPU that is not there"; };
    calls.get_memory = [](ggml_backend_dev_t device, size_t * free, size_t * total) {
        *free = *total = card_of(device)->bytes;
    };
    calls.get_type = [](ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_GPU; };
    calls.get_props = describe;
    calls.init_backend = start;
    calls.get_buffer_type = [](ggml_backend_dev_t device) { return &card_of(device)->memory; };
    calls.get_host_buffer_type = [](ggml_backend_dev_t) { return pinned(); };
    calls.supports_op = [](ggml_backend_dev_t, const ggml_tensor *) { return true; };
    calls.supports_buft = [](ggml_backend_dev_t device, ggml_backend_buffer_type_t type) {
        return type == &card_of(device)->memory;
    };
    calls.offload_op = [](ggml_backend_dev_t, const ggml_tensor * node) { return rows(node) >= WORTH_MOVING; };
    calls.event_new = [](ggml_backend_dev_t device) { return new ggml_backend_event{device, nullptr}; };
    calls.event_free = [](ggml_backend_dev_t, ggml_backend_event_t event) { delete event; };
    calls.event_synchronize = [](ggml_backend_dev_t, ggml_backend_event_t) {};
    card->device.iface = calls;
    card->device.reg = &registry;
    card->device.context = card.get();
    cards.push_back(std::move(card));
}

}  // namespace

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init(void) {
    if (!cards.empty()) {
        return &registry;
    }
    registry.api_version = GGML_BACKEND_API_VERSION;
    registry.iface.get_name = [](ggml_backend_reg_t) { return "FAKE"; };
    registry.iface.get_device_count = [](ggml_backend_reg_t) { return cards.size(); };
    registry.iface.get_device = [](ggml_backend_reg_t, size_t at) { return &cards[at]->device; };
    registry.iface.get_proc_address = [](ggml_backend_reg_t, const char *) -> void * { return nullptr; };
    const char * wanted = getenv("LLMTUNE_FAKE_GPUS");
    std::stringstream list(wanted ? wanted : "");
    for (std::string item; std::getline(list, item, ',');) {
        if (size_t mebibytes = strtoull(item.c_str(), nullptr, 10)) {
            add_card(mebibytes);
        }
    }
    return &registry;
}
