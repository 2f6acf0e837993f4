# One fault at one system call of a shell program and of all that it starts, which strace cannot aim at: its `when=` counts in every process anew. Linux on x86-64.
#
#   perl inject.pl LIST ROOT GATE POINT FAULT COMMAND...
#
# Looks at system calls from the one that opens GATE until the process that opened it has ended, in it and in what it starts. LIST gets a line for each that
# touches a file beneath ROOT or a pipe, or starts, replaces, awaits or ends a process: `POINT NAME WHAT`. A POINT is the process (`0.3.1`: the first child of the
# third child of the command) and the how manieth call of it: the same in every run, whatever runs at the same time.
# FAULT: `none`; `EIO`, `ENOSPC`: the call is not made and returns that; `KILL`: its process is killed before it; `ALL`: everything is. Ends as the command does.
use strict;
use warnings;

my ($list, $root, $gate, $point, $fault, @command) = @ARGV;
my %ERRNO = (EIO => 5, ENOSPC => 28);
my ($WAIT4, $PTRACE, $CONT, $SYSCALL, $GETREGS, $SETREGS, $SETOPTIONS, $EVENTMSG) = (61, 101, 7, 24, 12, 13, 0x4200, 0x4201);
my $OPTIONS = 1 | 2 | 4 | 8 | 16 | 0x100000;    # SYSGOOD, FORK, VFORK, CLONE, EXEC; what is traced ends with us
my ($RAX, $RDI, $ORIG) = (10, 14, 15);          # of the registers
my @ARGUMENT = (14, 13, 12, 7);
# The argument that is a descriptor or a path, of the calls that have one.
my %FD = (read => 0, write => 1, close => 3, fstat => 5, lseek => 8, pread => 17, pwrite => 18, writev => 20, dup => 32, dup2 => 33, sendfile => 40, fcntl => 72,
  flock => 73, fsync => 74, fdatasync => 75, ftruncate => 77, fadvise => 221, syncfs => 306, copy_range => 326);
my %PATH = (open => [2, 0], stat => [4, 0], lstat => [6, 0], access => [21, 0], truncate => [76, 0], chdir => [80, 0], rename => [82, 0], mkdir => [83, 0],
  unlink => [87, 0], chmod => [90, 0], openat => [257, 1], newfstatat => [262, 1], unlinkat => [263, 1], renameat => [264, 1], faccessat => [269, 1],
  renameat2 => [316, 1], statx => [332, 1], faccessat2 => [439, 1]);
my %TASK = (pipe => 22, clone => 56, fork => 57, vfork => 58, execve => 59, exit => 60, wait4 => 61, exit_group => 231, pipe2 => 293, clone3 => 435);
my (%fd, %path, %task);
# Of a POINT, its process; of one that another than the one that opens GATE started, every call counts.
my ($target) = $point =~ /^([0-9.]+):/;
my $deep = $target && $target =~ /\..*\./;
$fd{ $FD{$_} } = $_ for keys %FD;
$path{ $PATH{$_}[0] } = [$_, $PATH{$_}[1]] for keys %PATH;
$task{ $TASK{$_} } = $_ for keys %TASK;

sub ptrace { syscall($PTRACE, $_[0] + 0, $_[1] + 0, 0, $_[2] // 0) }

my $first = fork() // die "fork: $!";
if ($first == 0) {
  syscall($PTRACE, 0, 0, 0, 0);
  kill 'STOP', $$;
  exec { $command[0] } @command or die "$command[0]: $!";
}
waitpid $first, 0;
ptrace($SETOPTIONS, $first, $OPTIONS);
my %process = ($first => { name => '0', children => 0, calls => 0, inside => 0 });
my %early;    # children whose first stop came before their parent told of them
my ($open, $status, $done) = (0, 0, 0);
open my $out, '>', $list or die "$list: $!";
go_on($first, 0);

while ((my $pid = syscall($WAIT4, -1, my $word = "\0" x 4, 0x40000000, 0)) > 0) {
  my $native = unpack 'L', $word;
  if (($native & 0xff) != 0x7f) {
    $status = $native if $pid == $first;
    $open = 0 if $pid == $open;
    delete $process{$pid};
    # What still runs besides is a watchdog of busybox's `timeout`, which sleeps.
    last if !$process{$first} && !grep { $_->{calls} } values %process;
    next;
  }
  my $signal = ($native >> 8) & 0xff;
  my $event = $native >> 16;
  my $it = $process{$pid};
  if (!$it) {
    $early{$pid} = 1;
    next;
  }
  if ($signal == 0x85) {
    $it->{inside} = !$it->{inside};
    if ($it->{inside}) { entering($pid, $it) }
    elsif ($it->{result}) { leaving($pid, delete $it->{result}) }
    $signal = 0;
  } elsif ($event >= 1 && $event <= 3) {
    my $message = "\0" x 8;
    ptrace($EVENTMSG, $pid, $message);
    my $child = unpack 'Q', $message;
    $process{$child} = { name => "$it->{name}." . ++$it->{children}, children => 0, calls => 0, inside => 0, new => 1 };
    if (delete $early{$child}) {
      $process{$child}{new} = 0;
      go_on($child, 0);
    }
    $signal = 0;
  } elsif ($event == 4) {
    $it->{other} = 1;
    $signal = 0;
  } elsif ($it->{new}) {
    $it->{new} = 0;
    $signal = 0;
  }
  go_on($pid, $signal);
}
close $out or die "$list: $!";
kill $status & 0x7f, $$ if $status & 0x7f;
exit $status >> 8;

# Every stop costs: only where a call may count. What opens GATE is a child of the command that became no other program.
sub go_on {
  my ($pid, $signal) = @_;
  my $it = $process{$pid};
  my $looks = $it->{result} || (!$done && ($target ? $it->{name} eq $target : $open ? within($pid) : $it->{name} ne '0' && !$it->{other}));
  $it->{inside} = 0 if !$looks;
  ptrace($looks ? $SYSCALL : $CONT, $pid, $signal);
}

sub entering {
  my ($pid, $it) = @_;
  my $registers = "\0" x 216;
  ptrace($GETREGS, $pid, $registers);
  my @register = unpack 'Q27', $registers;
  my ($name, $what) = call($pid, @register);
  return if !defined $name;
  $open = $pid if !$open && $what eq $gate && $name =~ /^open/;
  return if !$deep && (!$open || !within($pid));
  my $here = "$it->{name}:" . ++$it->{calls};
  print $out "$here $name $what\n";
  return if $here ne $point;
  $done = 1;
  if ($ERRNO{$fault}) {
    $register[$ORIG] = ~0;
    $registers = pack 'Q27', @register;
    ptrace($SETREGS, $pid, $registers);
    $it->{result} = $ERRNO{$fault};
  } else {
    kill 'KILL', $fault eq 'ALL' ? keys %process : $pid;
  }
}

sub leaving {
  my ($pid, $errno) = @_;
  my $registers = "\0" x 216;
  ptrace($GETREGS, $pid, $registers);
  my @register = unpack 'Q27', $registers;
  $register[$RAX] = ~0 - $errno + 1;
  $registers = pack 'Q27', @register;
  ptrace($SETREGS, $pid, $registers);
}

# Its name and what it touches; nothing where it touches nothing of ours.
sub call {
  my ($pid, @register) = @_;
  my $number = $register[$ORIG];
  return ($task{$number}, '-') if $task{$number};
  my ($name, $what);
  if ($fd{$number}) {
    $name = $fd{$number};
    $what = readlink "/proc/$pid/fd/" . ($register[$RDI] & 0x7fffffff);
  } elsif ($path{$number}) {
    ($name, my $at) = @{ $path{$number} };
    $what = text($pid, $register[ $ARGUMENT[$at] ]);
    # statx and fstatat of a descriptor
    $what = readlink "/proc/$pid/fd/" . ($register[$RDI] & 0x7fffffff) if defined $what && $what eq '' && $at == 1;
  }
  return if !defined $what;
  return ($name, 'pipe') if $what =~ /^pipe:/;
  return $what =~ m{^\Q$root\E/} ? ($name, $what) : ();
}

sub text {
  my ($pid, $address) = @_;
  open my $memory, '<:raw', "/proc/$pid/mem" or return;
  sysseek $memory, $address, 0 or return;
  my $bytes = '';
  sysread $memory, $bytes, 4096 or return;
  return unpack 'Z*', $bytes;
}

sub within {
  my ($pid) = @_;
  my $mine = $process{$open}{name};
  return "$process{$pid}{name}." =~ /^\Q$mine\E\./;
}
