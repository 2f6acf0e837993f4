/**
 * Token shapes that are known by their look (O-3). A table of our own: @secretlint's rules work on whole texts, asynchronously, so they cannot stand in a byte stream, they cost
 * start-up, and the shapes that we need most (GitLab, Forgejo, Tailscale, age, Docker) are not among them.
 *
 * Forgejo's and Gitea's access tokens are 40 hex digits, as a commit is: only what stands before them tells them apart (`token <40 hex>`).
 * No rule begins with a word boundary, since `\n` as two characters (a newline in JSON) may stand before a token; none matches a digest, a SHA, an image id or a UUID.
 */
const SHAPES: readonly string[] = [
  'gh[pousr]_[A-Za-z0-9]{36,255}', // GitHub
  'github_pat_[A-Za-z0-9_]{22,255}',
  'gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[A-Za-z0-9_-]{20,255}(?:\\.[A-Za-z0-9_.-]{2,40})?', // GitLab
  'gt[oa]_[a-z2-7]{40,64}', // Forgejo, Gitea: OAuth2
  '(?<=[Tt]oken[ \\t]{1,4})[0-9a-f]{40}(?![0-9a-f])', // Forgejo, Gitea: access tokens
  '(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA)[A-Z2-7]{16}(?![A-Z0-9])', // AWS
  'xox[a-z](?:\\.xox[a-z])?-[A-Za-z0-9-]{10,255}', // Slack
  'xapp-[0-9]-[A-Za-z0-9-]{10,255}',
  '(?<=hooks\\.slack\\.com/(?:services|workflows)/)[A-Za-z0-9/_-]{20,255}',
  'npm_[A-Za-z0-9]{36}',
  'tskey-(?:auth|api|client|scim|webhook|reusable)-[A-Za-z0-9]{4,64}(?:-[A-Za-z0-9]{4,128})?', // Tailscale
  'AGE-(?:SECRET-KEY-|PLUGIN-[A-Z0-9]{1,32}-)1?[A-Z0-9]{32,255}', // age
  'dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,255}', // Docker
  'eyJ[A-Za-z0-9_-]{8,2048}\\.eyJ[A-Za-z0-9_-]{8,2048}\\.[A-Za-z0-9_-]{8,1024}', // JSON web tokens
  '(?<![A-Za-z])sk-(?:proj|ant|live|or|svcacct)[A-Za-z0-9_-]{16,255}',
  '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,255}', // Stripe
  'AIza[A-Za-z0-9_-]{35}', // Google
  'hf_[A-Za-z]{30,64}',
];

/** All shapes in one pass. */
export const SHAPE = new RegExp(SHAPES.join('|'), 'g');
