/** The first of what nft(8) or iptables(8) says of a failure: the rest follows from it, or repeats its input. */
export function complaint(stderr: string): string {
  const lines = stderr
    .split("\n")
    .map((line) => line.replace(/^\/dev\/stdin:[\d:-]+ Error: |^iptables\S*( v\S+ \(\w+\))?: /, "").trim());
  return lines.find((line) => line !== "" && !line.startsWith("modprobe: ")) ?? "";
}
