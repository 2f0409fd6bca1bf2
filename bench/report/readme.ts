export async function writeReadme(): Promise<string> {
  return ''
}
