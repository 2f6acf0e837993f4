/** What shells source (C-8). Each asks platformctl itself, so a script fits every version; `__complete` costs what starting Node does. */

const BASH = `# bash completion for platformctl: source <(platformctl completion bash)
_platformctl() {
  local line file current=\${COMP_WORDS[COMP_CWORD]}
  [ "$current" = '=' ] && current=''
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files | :folders)
        compopt -o filenames
        local kind=-f
        [ "$line" = :folders ] && kind=-d
        while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen "$kind" -- "$current")
        ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(platformctl __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _platformctl platformctl
`;

const ZSH = `#compdef platformctl
# zsh completion for platformctl: source <(platformctl completion zsh), or as _platformctl in a folder of fpath
_platformctl() {
  local line more=''
  local -a found
  for line in "\${(@f)$(platformctl __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) more='-f' ;;
      :folders) more='-/' ;;
      *) found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  [[ $PREFIX = --*=* ]] && compset -P '*='
  local said=1
  (( $#found )) && _describe -V platformctl found && said=0
  [[ -n $more ]] && _path_files $more && said=0
  return said
}
if [[ $zsh_eval_context[-1] = loadautofunc ]]; then
  _platformctl "$@"
else
  compdef _platformctl platformctl
fi
`;

const FISH = `# fish completion for platformctl: platformctl completion fish | source
function __platformctl_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l before ''
  string match -qr -- '^--[^=]+=' $current; and set before (string replace -r -- '=.*' '=' $current)
  for line in (platformctl __complete $words[2..-1] $current 2>/dev/null)
    switch $line
      case :files
        __fish_complete_path (string replace -- "$before" '' "$current")
      case :folders
        __fish_complete_directories (string replace -- "$before" '' "$current")
      case '*'
        echo -- $before$line
    end
  end
end
complete -c platformctl -f -a '(__platformctl_complete)'
`;

export const COMPLETION_SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH };
