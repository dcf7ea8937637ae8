/* An NVML that answers from a text file, so that the true pynvml can be tried on machines that nobody has.
 *
 * The file is named by FAKE_NVML. Each line is `GPU KEY VALUES`, where GPU is an index or * for every GPU; the last
 * line that fits counts. A key that is not there is not supported (error 3); the value `error N` is NVML's error N,
 * the value `hang` does not come back until the file says otherwise; the file may be changed at any time. Keys of MIG
 * devices begin with `migN.`; `delay MS` makes every answer of a GPU slow. FAKE_NVML_LOG names a file to which every
 * question is appended as `GPU KEY`. See ../nvml_machines.py for examples.
 *
 * What is set is appended to the file, so that the next process finds it. The keys `set-persistence`, `set-power` and
 * `set-clocks` with `error N` refuse it; `drops 1` is a driver that lets limits and locks go with persistence mode.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long device; /* 1 + GPU + 1000 * (1 + MIG) */

typedef struct { u32 version; int margin; } margin_info;
typedef struct { u32 version; u64 total, reserved, free, used; } memory_v2;
typedef struct { u64 total, free, used; } memory_v1;
typedef struct { u32 gpu, memory; } rates;

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, MAX_LINES = 4000 };

static struct { int gpu; char key[64]; char value[160]; } lines[MAX_LINES];
static int line_count;
static struct timespec loaded;
static off_t loaded_size = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void load(void) {
    const char *name = getenv("FAKE_NVML") ? getenv("FAKE_NVML") : "";
    struct stat status;
    FILE *file;
    char text[400], gpu[16];
    if (stat(name, &status)) return;
    if (status.st_size == loaded_size && status.st_mtim.tv_sec == loaded.tv_sec && status.st_mtim.tv_nsec == loaded.tv_nsec)
        return;
    loaded = status.st_mtim;
    loaded_size = status.st_size;
    file = fopen(name, "r");
    line_count = 0;
    while (file && line_count < MAX_LINES && fgets(text, sizeof text, file)) {
        lines[line_count].value[0] = 0;
        if (sscanf(text, "%15s %63s %159[^\n]", gpu, lines[line_count].key, lines[line_count].value) < 2 || gpu[0] == '#')
            continue;
        lines[line_count++].gpu = strcmp(gpu, "*") ? atoi(gpu) : -1;
    }
    if (file) fclose(file);
}

/* The value of the last line that fits, in a place of the calling thread's own; 0 where there is none. */
static const char *look_up(int gpu, const char *key) {
    static __thread char found[160];
    const char *value = 0;
    pthread_mutex_lock(&lock);
    load();
    for (int i = line_count - 1; i >= 0 && !value; i--)
        if ((lines[i].gpu == gpu || lines[i].gpu == -1) && !strcmp(lines[i].key, key))
            value = strcpy(found, lines[i].value);
    pthread_mutex_unlock(&lock);
    return value;
}

static void note(int gpu, const char *key) {
    FILE *file = getenv("FAKE_NVML_LOG") ? fopen(getenv("FAKE_NVML_LOG"), "a") : 0;
    if (file) fprintf(file, "%d %s\n", gpu, key);
    if (file) fclose(file);
}

/* 0 and the value, or the error that the file asks for. */
static int find(device handle, const char *wanted, const char **value) {
    int gpu = (int)((handle - 1) % 1000), code;
    char key[96];
    if (handle > 1000) snprintf(key, sizeof key, "mig%lu.%s", (handle - 1) / 1000 - 1, wanted);
    else snprintf(key, sizeof key, "%s", wanted);
    note(gpu, key);
    if ((*value = look_up(gpu, "delay"))) usleep(1000 * (useconds_t)atoi(*value));
    while ((*value = look_up(gpu, key)) && !strcmp(*value, "hang")) usleep(5000);
    if (!*value) return NOT_SUPPORTED;
    return sscanf(*value, "error %d", &code) == 1 ? code : OK;
}

static int numbers(device handle, const char *key, int count, u64 *out) {
    const char *value;
    char *end;
    int code = find(handle, key, &value);
    for (int i = 0; code == OK && i < count; i++, value = end) {
        out[i] = strtoull(value, &end, 0);
        if (end == value) return INVALID;
    }
    return code;
}

static int numbered(device handle, const char *key, u32 which, u64 *out) {
    char full[64];
    snprintf(full, sizeof full, "%s.%u", key, which);
    return numbers(handle, full, 1, out);
}

static int words(device handle, const char *key, char *out, u32 size) {
    const char *value;
    int code = find(handle, key, &value);
    if (code == OK) snprintf(out, size, "%s", value);
    return code;
}

/* The machine: its keys are told of GPU 0. */
int nvmlInitWithFlags(u32 flags) {
    const char *value;
    int code = find(1, "init", &value);
    (void)flags;
    return code == NOT_SUPPORTED ? OK : code;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { note(0, "shutdown"); return OK; }
const char *nvmlErrorString(int code) { return code == 3 ? "Not Supported" : "some error"; }
int nvmlSystemGetDriverVersion(char *out, u32 size) { return words(1, "driver", out, size); }

#define SYSTEM_NUMBER(function, key) \
    int function(int *out) { u64 v; int code = numbers(1, key, 1, &v); if (code == OK) *out = (int)v; return code; }
SYSTEM_NUMBER(nvmlSystemGetCudaDriverVersion_v2, "cuda")
SYSTEM_NUMBER(nvmlDeviceGetCount_v2, "gpus")

int nvmlDeviceGetHandleByIndex_v2(u32 index, device *out) {
    const char *value;
    int code = find(index + 1, "handle", &value);
    if (code != OK && code != NOT_SUPPORTED) return code;
    *out = index + 1;
    return OK;
}
int nvmlDeviceGetIndex(device d, u32 *out) { *out = (u32)(d - 1); return OK; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *address, device *out) {
    u32 wanted[3], there[3];
    if (sscanf(address, "%x:%x:%x", wanted, wanted + 1, wanted + 2) != 3) return INVALID;
    for (u32 gpu = 0; gpu < 64; gpu++) {
        const char *value = look_up((int)gpu, "pci");
        if (value && sscanf(value, "%x:%x:%x", there, there + 1, there + 2) == 3 && !memcmp(wanted, there, sizeof there))
            return nvmlDeviceGetHandleByIndex_v2(gpu, out);
    }
    return NOT_FOUND;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, device *out) {
    const char *value;
    for (*out = 1; *out < 100; ++*out)
        if (find(*out, "uuid", &value) == OK && !strcmp(value, uuid))
            return nvmlDeviceGetHandleByIndex_v2(*out - 1, out);
    return NOT_FOUND;
}
static int set(device d, const char *allowed, const char *key, u32 first, u32 second) {
    const char *value;
    int code = find(d, allowed, &value);
    FILE *file;
    if (code != OK && code != NOT_SUPPORTED) return code;
    if (!(file = fopen(getenv("FAKE_NVML"), "a"))) return 4;
    fprintf(file, "\n%lu %s %u %u\n", d - 1, key, first, second);
    fclose(file);
    return OK;
}
int nvmlDeviceSetPersistenceMode(device d, u32 on) {
    const char *value;
    u64 limit;
    int code = set(d, "set-persistence", "persistence", on, 0);
    if (code != OK || on || find(d, "drops", &value) != OK) return code;
    set(d, "", "locked", 0, 0);
    return numbers(d, "power-default", 1, &limit) == OK ? set(d, "", "power-limit", (u32)limit, 0) : OK;
}
int nvmlDeviceSetPowerManagementLimit(device d, u32 limit) {
    u64 range[2];
    if (numbers(d, "power-range", 2, range) == OK && (limit < range[0] || limit > range[1])) return INVALID;
    return set(d, "set-power", "power-limit", limit, 0);
}
int nvmlDeviceSetGpuLockedClocks(device d, u32 low, u32 high) { return set(d, "set-clocks", "locked", low, high); }
int nvmlDeviceResetGpuLockedClocks(device d) { return set(d, "set-clocks", "locked", 0, 0); }
int nvmlDeviceGetMigDeviceHandleByIndex(device parent, u32 index, device *out) {
    const char *value;
    *out = parent + 1000 * (index + 1);
    return find(*out, "uuid", &value) == OK ? OK : NOT_FOUND;
}

#define TEXT(function, key) int function(device d, char *out, u32 size) { return words(d, key, out, size); }
TEXT(nvmlDeviceGetName, "name")
TEXT(nvmlDeviceGetUUID, "uuid")
TEXT(nvmlDeviceGetSerial, "serial")

#define NUMBER(function, key) \
    int function(device d, u32 *out) { u64 v; int code = numbers(d, key, 1, &v); if (code == OK) *out = (u32)v; return code; }
NUMBER(nvmlDeviceGetArchitecture, "architecture")
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, "pcie-generation")
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, "pcie-generation-max")
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, "pcie-width")
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, "pcie-width-max")
NUMBER(nvmlDeviceGetPowerUsage, "power")
NUMBER(nvmlDeviceGetPowerManagementLimit, "power-limit")
NUMBER(nvmlDeviceGetEnforcedPowerLimit, "power-enforced")
NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, "power-default")
NUMBER(nvmlDeviceGetPersistenceMode, "persistence")
NUMBER(nvmlDeviceGetMinorNumber, "minor")
NUMBER(nvmlDeviceGetDisplayActive, "display")
NUMBER(nvmlDeviceGetRetiredPagesPendingStatus, "pages-pending")
NUMBER(nvmlDeviceGetMaxMigDeviceCount, "mig-count")
NUMBER(nvmlDeviceGetFanSpeed, "fan")

#define TWO(function, key, type) \
    int function(device d, type *first, type *second) { \
        u64 v[2]; \
        int code = numbers(d, key, 2, v); \
        if (code == OK) { *first = (type)v[0]; *second = (type)v[1]; } \
        return code; \
    }
TWO(nvmlDeviceGetCudaComputeCapability, "capability", int)
TWO(nvmlDeviceGetPowerManagementLimitConstraints, "power-range", u32)
TWO(nvmlDeviceGetEccMode, "ecc", u32)
TWO(nvmlDeviceGetMigMode, "mig", u32)

#define CHOSEN(function, key) \
    int function(device d, u32 which, u32 *out) { \
        u64 v; \
        int code = numbered(d, key, which, &v); \
        if (code == OK) *out = (u32)v; \
        return code; \
    }
CHOSEN(nvmlDeviceGetClockInfo, "clock")
CHOSEN(nvmlDeviceGetMaxClockInfo, "clock-max")
CHOSEN(nvmlDeviceGetTemperature, "temperature")
CHOSEN(nvmlDeviceGetPcieThroughput, "throughput")
CHOSEN(nvmlDeviceGetTemperatureThreshold, "threshold")

int nvmlDeviceGetMarginTemperature(device d, margin_info *out) {
    u64 v;
    int code = numbers(d, "margin", 1, &v);
    if (code == OK) out->margin = (int)v;
    return code;
}
int nvmlDeviceGetCurrentClocksEventReasons(device d, u64 *out) { return numbers(d, "reasons", 1, out); }
int nvmlDeviceGetCurrentClocksThrottleReasons(device d, u64 *out) { return numbers(d, "old-reasons", 1, out); }
int nvmlDeviceGetTotalEccErrors(device d, u32 kind, u32 counter, u64 *out) {
    return kind == 1 && counter == 0 ? numbers(d, "ecc-errors", 1, out) : INVALID;
}
int nvmlDeviceGetRemappedRows(device d, u32 *corrected, u32 *uncorrected, u32 *pending, u32 *failed) {
    u64 v[4];
    int code = numbers(d, "rows", 4, v);
    if (code == OK) { *corrected = v[0]; *uncorrected = v[1]; *pending = v[2]; *failed = v[3]; }
    return code;
}

/* total, reserved, free, used in MiB */
int nvmlDeviceGetMemoryInfo_v2(device d, memory_v2 *out) {
    u64 v[4];
    int code = numbers(d, "memory", 4, v);
    if (out->version != 0x02000028) return 25;
    if (code == OK) { out->total = v[0] << 20; out->reserved = v[1] << 20; out->free = v[2] << 20; out->used = v[3] << 20; }
    return code;
}
int nvmlDeviceGetMemoryInfo(device d, memory_v1 *out) {
    u64 v[3];
    int code = numbers(d, "old-memory", 3, v);
    if (code == OK) { out->total = v[0] << 20; out->free = v[1] << 20; out->used = v[2] << 20; }
    return code;
}
int nvmlDeviceGetBAR1MemoryInfo(device d, memory_v1 *out) {
    u64 v;
    int code = numbers(d, "bar1", 1, &v);
    if (code == OK) { out->total = out->free = v << 20; out->used = 0; }
    return code;
}
int nvmlDeviceGetUtilizationRates(device d, rates *out) {
    u64 v[2];
    int code = numbers(d, "utilization", 2, v);
    if (code == OK) { out->gpu = v[0]; out->memory = v[1]; }
    return code;
}

typedef struct { char legacy[16]; u32 domain, bus, device, id, subsystem; char bus_id[32]; } pci;
static int fill_pci(pci *out, const char *address) {
    memset(out, 0, sizeof *out);
    snprintf(out->bus_id, sizeof out->bus_id, "%s", address);
    return sscanf(address, "%x:%x:%x", &out->domain, &out->bus, &out->device) == 3 ? OK : INVALID;
}
int nvmlDeviceGetPciInfo_v3(device d, pci *out) {
    const char *value;
    int code = find(d, "pci", &value);
    return code == OK ? fill_pci(out, value) : code;
}

/* `nvlinks COUNT switch`, or `nvlink.N gpu ADDRESS` / `nvlink.N off` for each */
static int link_to(device d, u32 link, char *kind, char *address) {
    const char *value;
    char key[32];
    unsigned count;
    int code;
    address[0] = 0;
    snprintf(key, sizeof key, "nvlink.%u", link);
    code = find(d, key, &value);
    if (code == OK) return sscanf(value, "%15s %31s", kind, address) >= 1 ? OK : INVALID;
    if (code != NOT_SUPPORTED || (code = find(d, "nvlinks", &value)) != OK) return code;
    if (sscanf(value, "%u %15s", &count, kind) != 2 || link >= count) return INVALID;
    snprintf(address, 32, "00000000:%02X:00.0", 0xC0 + link % 4);
    return OK;
}
int nvmlDeviceGetNvLinkState(device d, u32 link, u32 *active) {
    char kind[16], address[32];
    int code = link_to(d, link, kind, address);
    *active = code == OK && strcmp(kind, "off") != 0;
    return code;
}
int nvmlDeviceGetNvLinkRemoteDeviceType(device d, u32 link, u32 *type) {
    char kind[16], address[32];
    int code = link_to(d, link, kind, address);
    *type = code == OK && !strcmp(kind, "switch") ? 2 : 0;
    return code;
}
int nvmlDeviceGetNvLinkRemotePciInfo_v2(device d, u32 link, pci *out) {
    char kind[16], address[32];
    int code = link_to(d, link, kind, address);
    return code == OK ? fill_pci(out, address) : code;
}
int nvmlDeviceGetTopologyCommonAncestor(device first, device second, u32 *level) {
    u64 v;
    int code = numbers(first, "topology", 1, &v);
    (void)second;
    if (code == OK) *level = (u32)v;
    return code;
}
int nvmlDeviceGetP2PStatus(device first, device second, u32 capability, u32 *status) {
    u64 v;
    int code = numbers(first, "p2p", 1, &v);
    (void)second;
    if (code == OK) *status = (u32)v;
    return capability == 0 ? code : INVALID;
}

/* `process.N PID MIB` */
typedef struct { u32 pid; u64 used; u32 gpu_instance, compute_instance; } process;
static int processes(device d, const char *key, u32 *count, process *out) {
    u64 v[2];
    char full[32];
    u32 room = *count, there = 0;
    int code;
    for (;; there++) {
        snprintf(full, sizeof full, "%s.%u", key, there);
        if ((code = numbers(d, full, 2, v)) != OK) break;
        if (out && there < room) out[there] = (process){(u32)v[0], v[1] << 20, -1, -1};
    }
    *count = there;
    if (code != NOT_SUPPORTED) return code;
    return there > room || (there && !out) ? TOO_SMALL : OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(device d, u32 *n, process *out) { return processes(d, "process", n, out); }
int nvmlDeviceGetGraphicsRunningProcesses_v3(device d, u32 *n, process *out) { return processes(d, "graphics", n, out); }

/* `field.ID START PER_SECOND`: a counter that grows, of the whole GPU; `field.ID.LINK` of one link; `field.ID.type KIND` */
typedef struct { u32 id, scope; long long when, latency; int type, code; union { double d; u32 u; u64 ull; } value; } field;
int nvmlDeviceGetFieldValues(device d, int count, field *out) {
    struct timespec now;
    u64 v[2];
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (int i = 0; i < count; i++) {
        char key[40];
        int whole = out[i].scope == 0 || out[i].scope == 0xFFFFFFFF;
        snprintf(key, sizeof key, "field.%u.type", out[i].id);
        out[i].type = look_up((int)d - 1, key) ? atoi(look_up((int)d - 1, key)) : 3;
        snprintf(key, sizeof key, "field.%u.%u", out[i].id, out[i].scope);
        out[i].code = whole && !look_up((int)d - 1, key) ? NOT_SUPPORTED : numbers(d, key, 2, v);
        snprintf(key, sizeof key, "field.%u", out[i].id);
        if (whole && out[i].code == NOT_SUPPORTED) out[i].code = numbers(d, key, 2, v);
        if (out[i].code == 15) return 15;
        if (out[i].code == OK) out[i].value.ull = v[0] + (u64)((double)v[1] * ((double)now.tv_sec + 1e-9 * (double)now.tv_nsec));
    }
    return OK;
}

/* `gpm 1`, and `gpm.ID THOUSANDTHS` for each metric */
typedef struct { u32 version, supported; } gpm_support;
typedef struct { device gpu; int taken; } gpm_sample;
typedef struct { u32 id; int code; double value; const char *names[3]; } gpm_metric;
typedef struct { u32 version, count; gpm_sample *first, *second; gpm_metric metrics[]; } gpm_metrics;
int nvmlGpmQueryDeviceSupport(device d, gpm_support *out) {
    u64 v;
    if (out->version != 1) return 25;
    out->supported = numbers(d, "gpm", 1, &v) == OK && v;
    return OK;
}
int nvmlGpmSampleAlloc(gpm_sample **out) { return (*out = calloc(1, sizeof **out)) ? OK : 20; }
int nvmlGpmSampleFree(gpm_sample *sample) { free(sample); return OK; }
int nvmlGpmSampleGet(device d, gpm_sample *sample) {
    static int taken;
    u64 v;
    int code = numbers(d, "gpm", 1, &v);
    sample->gpu = d;
    sample->taken = __sync_add_and_fetch(&taken, 1);
    return code;
}
int nvmlGpmMetricsGet(gpm_metrics *out) {
    if (out->version != 1 || !out->first->taken || out->first->taken >= out->second->taken) return INVALID;
    for (u32 i = 0; i < out->count; i++) {
        u64 v;
        out->metrics[i].code = numbered(out->second->gpu, "gpm", out->metrics[i].id, &v);
        out->metrics[i].value = (double)v / 1000;
    }
    return OK;
}
