// Prints the bytes of every buffer that llama.cpp needs for the arguments of its own command line, as one JSON object:
// buffer type -> [weights, caches and states, compute]. Four arguments come first: rows of output (0: llama.cpp's
// default), slots, "unified" or "apart" (their cache), and what to do: "dry" reserves nothing, "run" loads the model.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include "arg.h"
#include "common.h"
#include "llama.h"
#include "../src/llama-ext.h"

int main(int argc, char ** argv) {
    if (argc < 5) {
        return 2;
    }
    const int rows = atoi(argv[1]);
    const int slots = atoi(argv[2]);
    const bool unified = strcmp(argv[3], "unified") == 0;
    const bool dry = strcmp(argv[4], "dry") == 0;
    argv[4] = argv[0];

    common_init();
    common_params params;
    if (!common_params_parse(argc - 4, argv + 4, params, LLAMA_EXAMPLE_FIT_PARAMS)) {
        return 2;
    }
    llama_backend_init();
    llama_model_params for_model = common_model_params_to_llama(params);
    llama_context_params for_context = common_context_params_to_llama(params);
    if (dry) {
        for_model.no_alloc = true;
        for_model.load_mode = LLAMA_LOAD_MODE_NONE;
    }
    for_context.n_seq_max = slots;
    for_context.n_outputs_max = rows;
    for_context.kv_unified = unified;
    llama_model * model = llama_model_load_from_file(params.model.path.c_str(), for_model);
    if (!model) {
        puts("{\"error\": \"model\"}");
        return 1;
    }
    llama_context * context = llama_init_from_model(model, for_context);
    if (!context) {
        puts("{\"error\": \"context\"}");
        return 1;
    }
    const char * between = "{";
    for (const auto & [type, bytes] : llama_get_memory_breakdown(context)) {
        printf("%s\"%s\": [%zu, %zu, %zu]", between, ggml_backend_buft_name(type), bytes.model, bytes.context, bytes.compute);
        between = ", ";
    }
    puts("}");
    fflush(stdout);
    _exit(0);  // nothing here needs taking down
}
