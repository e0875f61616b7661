{{- /* The status of a pod as a kubelet of 1.37 reports it. Set before: $state of the chosen
container (running, ready, restarted, terminated, waiting, completed), $reason and $message. */}}
{{ $pod := . }}{{ $now := Now }}{{ $notes := or .metadata.annotations dict }}
{{ $chosen := or (index $notes "test.deployx.dev/container") (index .spec.containers 0).name }}
{{ $crash := or (hasKey $notes "test.deployx.dev/crash") (hasKey $notes "test.deployx.dev/oom") }}
{{ $crashTimes := atoi (or (index $notes "test.deployx.dev/crash-times") "1000000") }}
{{ $inInit := false }}{{ range .spec.initContainers }}{{ if eq .name $chosen }}{{ $inInit = true }}{{ end }}{{ end }}
{{ $former := dict }}
{{ range .status.initContainerStatuses }}{{ $_ := set $former .name . }}{{ end }}
{{ range .status.containerStatuses }}{{ $_ := set $former .name . }}{{ end }}
{{ $old := or (index $former $chosen) dict }}
{{ $restarts := atoi (toString (or $old.restartCount 0)) }}
{{ if eq $state "restarted" }}{{ $restarts = add1 $restarts }}{{ end }}
{{ $recovered := and $crash (ge (int $restarts) $crashTimes) }}

{{- /* Ready when nothing speaks against it. A crashing container that is told when to crash was up before. */}}
{{ $ready := eq $state "ready" "running" "restarted" }}
{{ if hasKey $notes "test.deployx.dev/never-ready" }}{{ $ready = false }}{{ end }}
{{ if and (hasKey $notes "test.deployx.dev/ready-after") (ne $state "ready") }}{{ $ready = false }}{{ end }}
{{ if and $crash (not $recovered) (not (hasKey $notes "test.deployx.dev/crash-after")) }}{{ $ready = false }}{{ end }}

{{ $exitCode := "0" }}{{ $ending := $reason }}
{{ if eq $state "terminated" }}
  {{ if hasKey $notes "test.deployx.dev/oom" }}{{ $exitCode = "137" }}{{ $ending = "OOMKilled" }}
  {{ else }}{{ $exitCode = index $notes "test.deployx.dev/crash" }}{{ $ending = ternary "Completed" "Error" (eq $exitCode "0") }}{{ end }}
{{ end }}
{{ $initFails := and $inInit (or (eq $state "terminated" "waiting") (and $crash (not $recovered))) }}
{{ $initialized := not $initFails }}
{{ if not $initialized }}{{ $ready = false }}{{ end }}

{{ $phase := "Running" }}
{{ if eq $state "completed" }}{{ $phase = "Succeeded" }}{{ end }}
{{ if and (eq $state "terminated") (eq .spec.restartPolicy "Never") }}{{ $phase = "Failed" }}
{{ else if or $initFails (and (eq $state "waiting") (ne $reason "CrashLoopBackOff")) }}{{ $phase = "Pending" }}{{ end }}
{{ $over := eq $phase "Succeeded" "Failed" }}
{{ if $over }}{{ $ready = false }}{{ end }}

phase: {{ $phase }}
observedGeneration: {{ or .metadata.generation 1 }}
startTime: {{ or .status.startTime $now | Quote }}
qosClass: {{ or .status.qosClass "BestEffort" }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
hostIPs:
- ip: {{ NodeIPWith .spec.nodeName | Quote }}
{{ $ip := or .status.podIP (PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" )) }}
podIP: {{ $ip | Quote }}
podIPs:
- ip: {{ $ip | Quote }}

{{ $unready := list }}
{{ if or $over (not $initialized) }}{{ range .spec.containers }}{{ $unready = append $unready .name }}{{ end }}
{{ else if not $ready }}{{ $unready = list $chosen }}{{ end }}
{{ $readyReason := "" }}{{ $readyMessage := "" }}
{{ if eq $phase "Succeeded" }}{{ $readyReason = "PodCompleted" }}
{{ else if eq $phase "Failed" }}{{ $readyReason = "PodFailed" }}
{{ else if not $ready }}{{ $readyReason = "ContainersNotReady" }}{{ $readyMessage = printf "containers with unready status: [%s]" (join " " $unready) }}{{ end }}
conditions:
{{ range list "PodReadyToStartContainers" "Initialized" "Ready" "ContainersReady" }}
{{ $type := . }}{{ $status := "True" }}{{ $why := "" }}{{ $what := "" }}
{{ if and (eq $type "Initialized") (not $initialized) }}
  {{ $status = "False" }}{{ $why = "ContainersNotInitialized" }}{{ $what = printf "containers with incomplete status: [%s]" $chosen }}
{{ else if eq $type "PodReadyToStartContainers" }}{{ if $over }}{{ $status = "False" }}{{ end }}
{{ else if and (hasSuffix "Ready" $type) (not $ready) }}{{ $status = "False" }}{{ $why = $readyReason }}{{ $what = $readyMessage }}{{ end }}
{{ $since := $now }}
{{ range $pod.status.conditions }}{{ if and (eq .type $type) (eq .status $status) }}{{ $since = .lastTransitionTime }}{{ end }}{{ end }}
- type: {{ $type }}
  status: {{ $status | Quote }}
  observedGeneration: {{ or $pod.metadata.generation 1 }}
  lastProbeTime: null
  lastTransitionTime: {{ $since | Quote }}
  reason: {{ if $why }}{{ $why }}{{ else }}null{{ end }}
  message: {{ if $what }}{{ $what | Quote }}{{ else }}null{{ end }}
{{ end }}
{{ range .spec.readinessGates }}
- type: {{ .conditionType | Quote }}
  status: "True"
  lastProbeTime: null
  lastTransitionTime: {{ $now | Quote }}
{{ end }}

{{ $reached := false }}
{{ range $key, $list := dict "initContainerStatuses" (or .spec.initContainers list) "containerStatuses" .spec.containers }}
{{ if $list }}
{{ $init := eq $key "initContainerStatuses" }}{{ $reached = false }}
{{ $key }}:
{{ range $list }}
{{ $name := .name }}{{ $was := or (index $former $name) dict }}{{ $wasState := or $was.state dict }}
{{ $n := ternary $restarts (atoi (toString (or $was.restartCount 0))) (eq $name $chosen) }}
{{ $sidecar := and $init (eq (or .restartPolicy "") "Always") }}
{{ $id := printf "containerd://%s" (sha256sum (printf "%s/%s/%v" $pod.metadata.uid $name $n)) }}

{{- /* What this one does, of: running, done (ended well), fault ($state, $reason), initializing. */}}
{{ $does := "running" }}
{{ if and $init (not $sidecar) }}{{ $does = "done" }}{{ end }}
{{ if and $initFails (not $init) }}{{ $does = "initializing" }}{{ end }}
{{ if and $initFails $init $reached }}{{ $does = "initializing" }}{{ end }}
{{ if and $initFails (eq $name $chosen) }}{{ $does = "running" }}{{ $reached = true }}{{ end }}
{{ if and (eq $name $chosen) (eq $state "terminated" "waiting") }}{{ $does = "fault" }}{{ end }}
{{ if and $over (eq $does "running") }}{{ $does = "done" }}{{ end }}
{{ $up := and (eq $does "running") (or $ready (ne $name $chosen)) (or $sidecar (not $init)) }}
- name: {{ $name | Quote }}
  image: {{ .image | Quote }}
  ready: {{ or $up (and $init (eq $does "done")) }}
  started: {{ or (eq $does "running") $up }}
  restartCount: {{ $n }}
{{ if and (ne $does "initializing") (not (and (eq $state "waiting") (eq $name $chosen) (ne $reason "CrashLoopBackOff"))) }}
  imageID: {{ printf "%s@sha256:%s" (index (splitList "@" .image) 0) (sha256sum .image) | Quote }}
  containerID: {{ $id | Quote }}
{{ else }}
  imageID: ""
{{ end }}
  state:
{{ if eq $does "initializing" }}
    waiting: {reason: PodInitializing}
{{ else if eq $does "running" }}
    running: {startedAt: {{ if and $wasState.running (ne $state "restarted") }}{{ $wasState.running.startedAt | Quote }}{{ else }}{{ $now | Quote }}{{ end }}}
{{ else if eq $does "done" }}
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ or (dig "running" "startedAt" "" $wasState) (dig "terminated" "startedAt" "" $wasState) $now | Quote }}
      finishedAt: {{ or (dig "terminated" "finishedAt" "" $wasState) $now | Quote }}
      containerID: {{ $id | Quote }}
{{ else if eq $state "terminated" }}
    terminated:
      exitCode: {{ $exitCode }}
      reason: {{ $ending }}
      startedAt: {{ or (dig "running" "startedAt" "" $wasState) $now | Quote }}
      finishedAt: {{ $now | Quote }}
      containerID: {{ $id | Quote }}
{{ else }}
    waiting:
      reason: {{ $reason }}
      {{ $text := $message }}{{ $full := .image }}
      {{ if not (contains "/" $full) }}{{ $full = printf "docker.io/library/%s" $full }}
      {{ else if not (regexMatch "^([^/]*[.:][^/]*|localhost)/" $full) }}{{ $full = printf "docker.io/%s" $full }}{{ end }}
      {{ $pull := printf "rpc error: code = NotFound desc = failed to pull and unpack image %q: failed to resolve reference %q: %s: not found" $full $full $full }}
      {{ if eq $reason "ErrImagePull" }}{{ $text = $pull }}
      {{ else if eq $reason "ImagePullBackOff" }}{{ $text = printf "Back-off pulling image %q: ErrImagePull: %s" .image $pull }}
      {{ else if eq $reason "CrashLoopBackOff" }}{{ $text = printf "back-off 10s restarting failed container=%s pod=%s_%s(%s)" $name $pod.metadata.name $pod.metadata.namespace $pod.metadata.uid }}{{ end }}
      message: {{ $text | Quote }}
{{ end }}
{{ if and (eq $name $chosen) (eq $state "restarted" "waiting") $wasState.terminated }}
  lastState: {terminated: {{ toJson $wasState.terminated }}}
{{ else if $was.lastState }}
  lastState: {{ toJson $was.lastState }}
{{ end }}
{{ end }}
{{ end }}
{{ end }}
