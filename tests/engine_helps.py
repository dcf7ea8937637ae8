"""What servers of several ages print for --help, in the form of each and in words of our own."""

NEW = """\
----- common params -----

-h,    --help                           tell this
-t,    --threads N                      threads of generation (default: -1)
                                        (env: X_THREADS)
-tb,   --threads-batch N                threads of prompt processing
-c,    --ctx-size N                     context (default: 0)
-b,    --batch-size N                   logical batch
-ub,   --ubatch-size N                  physical batch
-fa,   --flash-attn [on|off|auto]       attention in one pass ('on', 'off', or 'auto')
--swa-full                              sliding layers keep everything
-kvo,  --kv-offload, -nkvo, --no-kv-offload
                                        where the cache lies
--repack, -nr, --no-repack              order weights anew
--no-host                               no pinned buffers
-ctk,  --cache-type-k TYPE              type of K
                                        allowed values: f32, f16, bf16, q8_0, q4_0, q4_1,
                                        iq4_nl, q5_0, q5_1
                                        (default: f16)
-ctv,  --cache-type-v TYPE              type of V
                                        allowed values: f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1
-lm,   --load-mode MODE                 how weights are loaded (default: auto)
                                        - auto: as it thinks best
                                        - none: read
                                        - mmap: mapped
                                        - mlock: kept in memory
                                        - mmap+mlock: both
                                        - dio: direct
--numa TYPE                             several nodes
                                        - distribute: everywhere
                                        - isolate: one node
                                        - numactl: as it was started
                                        --not-an-option in prose
-dev,  --device <dev1,dev2,..>          devices
-ot,   --override-tensor <pattern>=<buffer>,...
                                        places of tensors
-ncmoe, --n-cpu-moe N                   experts of the first N layers on the CPU
-ngl,  --gpu-layers, --n-gpu-layers N   layers on the GPU, a number, 'auto', or 'all' (default: auto)
-sm,   --split-mode {none,layer,row,tensor}
                                        how to split
-ts,   --tensor-split N0,N1,N2,...      shares
-fit,  --fit [on|off]                   adjust what is not set
-fitt, --fit-target MiB0,MiB1,...       margins
--op-offload, --no-op-offload           large batches on the GPU
-m,    --model FNAME                    the file
--draft, --draft-max N                  the argument has been removed. use --spec-draft-n-max
-a,    --alias STRING                   name
-cram, --cache-ram N                    old prompts, MiB (default: 8192)
-kvu,  --kv-unified, -no-kvu, --no-kv-unified
                                        one cache for all slots
-np,   --parallel N                     slots
--host HOST                             where to listen
--port PORT                             port
--metrics                               counters
--jinja, --no-jinja                     templates (default: enabled)
"""

OLD = """\
load_backend: loaded CPU backend
----- common params -----

-h,    --help, --usage                  tell this and leave
--version                               tell the version
-t,    --threads N                      threads of generation
-tb,   --threads-batch N                threads of prompt processing
-c,    --ctx-size N                     context (default: 4096)
-b,    --batch-size N                   logical batch
-ub,   --ubatch-size N                  physical batch
-fa,   --flash-attn                     attention in one pass (default: disabled)
-nkvo, --no-kv-offload                  cache stays in host memory
-ctk,  --cache-type-k TYPE              type of K
                                        allowed values: f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1
-ctv,  --cache-type-v TYPE              type of V
--mlock                                 keep in memory
--no-mmap                               do not map
--numa TYPE                             several nodes
                                        - distribute: everywhere
-dev,  --device <dev1,dev2,..>          devices
--override-tensor, -ot <pattern>=<buffer>,...
                                        places of tensors
-ngl,  --gpu-layers, --n-gpu-layers N   layers on the GPU
-sm,   --split-mode {none,layer,row}    how to split
-ts,   --tensor-split N0,N1,N2,...      shares
-m,    --model FNAME                    the file
--draft-max, --draft, --draft-n N       tokens to draft
-a,    --alias STRING                   name
-np,   --parallel N                     slots
--host HOST                             where to listen
--port PORT                             port
--metrics                               counters
--jinja                                 templates (default: disabled)
"""

FORK = """\
usage: ./llama-server [options]

general:

  -h,    --help, --usage          tell this and leave
         --version                tell the version
*        --no-display-prompt      say less
  -t,    --threads N              threads (default: 4)
  -tb,   --threads-batch N        threads of prompts
  -c,    --ctx-size N             context
  -b,    --batch-size N           logical batch
  -ub,   --ubatch-size N          physical batch
  -fa,   --flash-attn (auto|on|off|0|1)   attention in one pass
         --fit                    fit the model (default: off)
         --fit-margin N           leave so much
  -ctk,  --cache-type-k TYPE      type of K (default: f16)
  -ctv,  --cache-type-v TYPE      type of V (default: f16)
         --mlock                  keep in memory
         --no-mmap                do not map
  -rtr,  --run-time-repack        order weights anew
         --numa TYPE              several nodes
                                    - distribute: everywhere
                                    - isolate: one node
  -ngl,  --gpu-layers N           layers on the GPU
  -ncmoe, --n-cpu-moe N           experts of the first N layers on the CPU
  -ot,   --override-tensor PATTERN   places of tensors
  -ts,   --tensor-split SPLIT     shares
  -m,    --model FNAME            the file
  -a,    --alias ALIAS            name
  -cram, --cache-ram N            old prompts
  -np,   --parallel N             slots
         --host HOST              where to listen
         --port PORT              port
         --metrics                counters
"""
