interface SecretKind {
  readonly kind: string;
  readonly pattern: RegExp;
}

const secretKinds: readonly SecretKind[] = [
  { kind: 'AWS access key', pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { kind: 'GitHub token', pattern: /\bgh[opsur]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{50,}\b/g },
  { kind: 'Slack token', pattern: /\bxox[abprs]-[A-Za-z0-9-]{10,}\b/g },
  { kind: 'npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
  // Not every armoured block is secret: signed commits carry "BEGIN PGP SIGNATURE".
  { kind: 'private key', pattern: /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[^-]*(?:-----END [A-Z ]+-----)?/g },
  { kind: 'password', pattern: /\b(?:password|passwd|pwd)\s*[:=]\s*(?!\*)\S{8,}/gi },
];

/** The first secret of each kind in a text. */
export function findSecrets(text: string): { readonly kind: string; readonly secret: string }[] {
  return secretKinds.flatMap(({ kind, pattern }) => {
    const [secret] = text.match(pattern) ?? [];
    return secret === undefined ? [] : [{ kind, secret }];
  });
}

/** The text with every secret replaced by what kind it was. */
export function withoutSecrets(text: string): string {
  return secretKinds.reduce((rest, { kind, pattern }) => rest.replaceAll(pattern, `[${kind}]`), text);
}
