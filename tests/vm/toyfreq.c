// A cpufreq driver without hardware, for guests: two CPUs share a policy, six speeds, and the one asked for is the one told.
// With it the kernel's own cpufreq files, governors and limits are there to be switched, refused and put back.
#include <linux/cpu.h>
#include <linux/cpufreq.h>
#include <linux/module.h>

#define CPUS_PER_POLICY 2

static struct cpufreq_frequency_table steps[] = {
	{ .driver_data = 0, .frequency = 400000 },
	{ .driver_data = 1, .frequency = 1100000 },
	{ .driver_data = 2, .frequency = 1800000 },
	{ .driver_data = 3, .frequency = 2500000 },
	{ .driver_data = 4, .frequency = 3200000 },
	{ .flags = CPUFREQ_BOOST_FREQ, .driver_data = 5, .frequency = 4100000 },
	{ .frequency = CPUFREQ_TABLE_END },
};
static unsigned int told[NR_CPUS];

static int toyfreq_init(struct cpufreq_policy *policy)
{
	unsigned int first = policy->cpu - policy->cpu % CPUS_PER_POLICY, cpu;

	for (cpu = first; cpu < first + CPUS_PER_POLICY && cpu < nr_cpu_ids; cpu++)
		cpumask_set_cpu(cpu, policy->cpus);
	policy->freq_table = steps;
	policy->cpuinfo.transition_latency = 50000;
	told[first] = steps[1].frequency;
	return 0;
}

static int toyfreq_target(struct cpufreq_policy *policy, unsigned int index)
{
	told[policy->cpu - policy->cpu % CPUS_PER_POLICY] = policy->freq_table[index].frequency;
	return 0;
}

static unsigned int toyfreq_get(unsigned int cpu)
{
	return told[cpu - cpu % CPUS_PER_POLICY];
}

static struct cpufreq_driver toyfreq = {
	.name = "toyfreq",
	.init = toyfreq_init,
	.verify = cpufreq_generic_frequency_table_verify,
	.target_index = toyfreq_target,
	.get = toyfreq_get,
	.attr = cpufreq_generic_attr,
};

static int __init toyfreq_begin(void)
{
	int failed = cpufreq_register_driver(&toyfreq);

	return failed ? failed : cpufreq_enable_boost_support();
}

static void __exit toyfreq_end(void)
{
	cpufreq_unregister_driver(&toyfreq);
}

module_init(toyfreq_begin);
module_exit(toyfreq_end);
MODULE_DESCRIPTION("cpufreq without hardware, for tests");
MODULE_LICENSE("GPL");
