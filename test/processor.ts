/** Starts to count the milliseconds of the processor's time that this process takes: the clock also counts those of its neighbours. */
export function processorTime(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
}
