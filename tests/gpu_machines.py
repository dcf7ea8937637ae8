"""Small machines with GPUs, for the tests of probes and checks."""

from trees import Link

PCI = "/sys/bus/pci/devices"
KFD = "/sys/class/kfd/kfd/topology/nodes"
NULL = {"/dev/null": ""}
"""A tree with a /dev to look into."""


def pci_device(
    address: str = "0000:03:00.0",
    vendor: str = "0x1002",
    device: str = "0x744c",
    driver: str | None = "amdgpu",
    code: str = "0x030000",
    width: int = 16,
    slot: int = 16,
    **files: str,
) -> dict[str, str | bytes | Link]:
    """A display device below a root port with `slot` lanes; further files by name (`a__b` for a/b)."""
    place = f"/sys/devices/pci0000:00/0000:00:01.0/{address}"
    tree: dict[str, str | bytes | Link] = {
        f"{PCI}/{address}": Link(f"../../../devices/pci0000:00/0000:00:01.0/{address}"),
        "/sys/devices/pci0000:00/0000:00:01.0/max_link_width": f"{slot}\n",
        f"{place}/class": code,
        f"{place}/vendor": vendor,
        f"{place}/device": device,
        f"{place}/driver_override": "(null)\n",
        f"{place}/numa_node": "-1\n",
        f"{place}/local_cpulist": "0-7\n",
        f"{place}/current_link_speed": "2.5 GT/s PCIe\n",
        f"{place}/max_link_speed": "16.0 GT/s PCIe\n",
        f"{place}/current_link_width": f"{min(width, slot)}\n",
        f"{place}/max_link_width": f"{width}\n",
    }
    if driver:
        tree[f"{place}/driver"] = Link(f"../../../../bus/pci/drivers/{driver}")
    return tree | {f"{place}/{name.replace('__', '/')}": text for name, text in files.items()}


def kfd_node(node: int = 1, gfx: int = 110000, location: int = 0x300, cpus: int = 0) -> dict[str, str | bytes | Link]:
    """A GPU of AMD's compute topology."""
    return {
        f"{KFD}/{node}/properties": f"cpu_cores_count {cpus}\nsimd_count 192\ngfx_target_version {gfx}\n"
        f"location_id {location}\ndomain 0\ndrm_render_minor 128\nunique_id 5\nmax_engine_clk_fcompute 2482\n"
    }


RADEON = (
    pci_device(
        mem_info_vram_total="25753026560\n",
        mem_info_vram_used="1073741824\n",
        mem_info_vis_vram_total="268435456\n",
        mem_info_gtt_total="16777216000\n",
        mem_info_gtt_used="1000\n",
        gpu_busy_percent="3\n",
        pp_dpm_sclk="0: 500Mhz \n1: 1200Mhz *\n2: 2482Mhz \n",
        pp_dpm_mclk="0: 96Mhz *\n1: 1249Mhz \n",
        product_name="Radeon RX 7900 XTX\n",
        hwmon__hwmon3__power1_average="25000000\n",
        hwmon__hwmon3__power1_cap="250000000\n",
        hwmon__hwmon3__power1_cap_default="339000000\n",
        hwmon__hwmon3__power1_cap_max="390000000\n",
        hwmon__hwmon3__temp1_label="edge\n",
        hwmon__hwmon3__temp1_input="45000\n",
        hwmon__hwmon3__temp1_crit="100000\n",
        hwmon__hwmon3__temp2_label="junction\n",
        hwmon__hwmon3__temp2_input="52000\n",
        hwmon__hwmon3__temp2_crit="110000\n",
    )
    | kfd_node()
)
STRIX_HALO = pci_device(device="0x1586", mem_info_vram_total="536870912\n", mem_info_gtt_total="66571993088\n") | (
    kfd_node(gfx=110501)
)
ARC = pci_device(
    vendor="0x8086",
    device="0x56a0",
    driver="i915",
    lmem_total_bytes="17079205888\n",
    lmem_avail_bytes="16000000000\n",
    drm__card1__gt_act_freq_mhz="0\n",
    drm__card1__gt_RP0_freq_mhz="2400\n",
    hwmon__hwmon4__power1_max="190000000\n",
    resource="0x00 0x00 0x00\n0x00 0x00 0x00\n0x6000000000 0x63ffffffff 0x14220c\n",
)
