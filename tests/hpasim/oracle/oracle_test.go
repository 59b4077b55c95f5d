// The oracle: runs the real HorizontalController of a pinned Kubernetes release (versions/) on seeded random HPAs, in
// virtual time (testing/synctest), and writes down for every sync what it saw and what it decided: the feature gates'
// defaults, then one case a line. tests/hpasim/differential.cpp replays the same input through hpasim and compares.
//
//	ORACLE_OUT=cases.jsonl ORACLE_CASES=2000 ORACLE_SEED=1 go test -modfile versions/1.37.mod ./...
package oracle

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta/testrestmapper"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	scalefake "k8s.io/client-go/scale/fake"
	core "k8s.io/client-go/testing"
	"k8s.io/component-base/featuregate"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	autoscalingapiv2 "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"

	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/features"
)

var mapper = testrestmapper.TestOnlyStaticRESTMapper(legacyscheme.Scheme)

const namespace, name = "default", "hpa"

var podLabels = map[string]string{"app": "target"}

// --- what is written down; times are microseconds since the case began

type Pod struct {
	Count         int    `json:"count"`
	Phase         string `json:"phase"`
	Deleting      bool   `json:"deleting,omitempty"`
	Ready         bool   `json:"ready"`
	HasConditions bool   `json:"hasConditions"`
	Started       int64  `json:"started"`
	ReadyChanged  int64  `json:"readyChanged"`
}

type Sample struct {
	Present    bool  `json:"present"`
	Milli      int64 `json:"milli"`
	At         int64 `json:"at"`
	Window     int64 `json:"window"`
	HasRequest bool  `json:"hasRequest"`
	Request    int64 `json:"request"`
}

type Reading struct {
	Failure string   `json:"failure,omitempty"` // unavailable
	Values  []int64  `json:"values,omitempty"`
	Samples []Sample `json:"samples,omitempty"`
}

type Sync struct {
	At       int64     `json:"at"`    // the worker picked the HPA up
	Now      int64     `json:"now"`   // the metrics had been read
	Wrote    int64     `json:"wrote"` // the scale had been written; 0: it was not
	Status   int64     `json:"status"`
	Spec     int32     `json:"spec"`
	StatusOf int32     `json:"statusReplicas"`
	Pods     []Pod     `json:"pods"`
	Readings []Reading `json:"readings"`
	Desired  int32     `json:"desired"`
	Able     string    `json:"able"`
	Active   string    `json:"active"`
	Limited  string    `json:"limited"`
	ToZero   string    `json:"scaledToZero"`
	Currents []int64   `json:"currents"` // of each metric, milli; the percentage for a utilization
}

// Somebody changes the HPA.
type Change struct {
	At  int64           `json:"at"`
	HPA json.RawMessage `json:"hpa"`
}

// What the feature gates decide.
type Gates struct {
	ToleranceFromSpec bool `json:"toleranceFromSpec"`
	ZeroAllowed       bool `json:"zeroAllowed"`
}

type Case struct {
	Gates
	Seed              int64           `json:"seed"`
	HPA               json.RawMessage `json:"hpa"`
	SyncPeriod        int64           `json:"syncPeriod"`
	Stabilization     int64           `json:"stabilization"`
	Tolerance         float64         `json:"tolerance"`
	CPUInitialization int64           `json:"cpuInitialization"`
	ReadinessDelay    int64           `json:"readinessDelay"`
	Created           int64           `json:"created"` // the HPA; the informer's resyncs are at whole sync periods
	Changes           []Change        `json:"changes"`
	Syncs             []Sync          `json:"syncs"`
}

// --- the random HPA

func pick[T any](r *rand.Rand, values ...T) T { return values[r.Intn(len(values))] }

func randomQuantity(r *rand.Rand) resource.Quantity {
	return resource.MustParse(pick(r, "10", "1", "100m", "1500m", "7", "333m", "1k", "2.5", "100", "12345m", "1Ki", "50"))
}

func randomRules(r *rand.Rand, period int32) *autoscalingv2.HPAScalingRules {
	if r.Intn(4) == 0 {
		return nil
	}
	rules := &autoscalingv2.HPAScalingRules{}
	if r.Intn(2) == 0 {
		window := pick(r, 0, 1, period, period+1, 2*period, 60, 61, 120, 300)
		rules.StabilizationWindowSeconds = &window
	}
	if r.Intn(3) != 0 {
		choice := pick(r, autoscalingv2.MaxChangePolicySelect, autoscalingv2.MaxChangePolicySelect, autoscalingv2.MinChangePolicySelect, autoscalingv2.DisabledPolicySelect)
		rules.SelectPolicy = &choice
	}
	if r.Intn(4) != 0 {
		for i := 0; i <= r.Intn(3); i++ {
			kind := pick(r, autoscalingv2.PodsScalingPolicy, autoscalingv2.PercentScalingPolicy)
			value := pick[int32](r, 1, 2, 3, 4, 5, 7)
			if kind == autoscalingv2.PercentScalingPolicy {
				value = pick[int32](r, 1, 10, 20, 33, 50, 100, 150, 900)
			}
			rules.Policies = append(rules.Policies, autoscalingv2.HPAScalingPolicy{Type: kind, Value: value,
				PeriodSeconds: pick(r, 1, period, period+1, 2*period, 40, 60, 90, 100)})
		}
	}
	if r.Intn(3) == 0 {
		tolerance := resource.MustParse(pick(r, "0", "0.01", "0.05", "0.1", "0.07", "0.15", "0.2", "0.5", "1", "2.5"))
		rules.Tolerance = &tolerance
	}
	return rules
}

func randomMetric(r *rand.Rand, i int, wakes bool) autoscalingv2.MetricSpec {
	identifier := autoscalingv2.MetricIdentifier{Name: fmt.Sprintf("m%d", i)}
	quantity := randomQuantity(r)
	kinds := []autoscalingv2.MetricSourceType{autoscalingv2.ObjectMetricSourceType, autoscalingv2.ExternalMetricSourceType,
		autoscalingv2.PodsMetricSourceType, autoscalingv2.ResourceMetricSourceType, autoscalingv2.ContainerResourceMetricSourceType}
	kind := pick(r, kinds...)
	if wakes {
		kind = kinds[r.Intn(2)]
	}
	target := autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: &quantity}
	if (kind == kinds[0] || kind == kinds[1]) && r.Intn(2) == 0 {
		target = autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: &quantity}
	}
	resourceTarget := target
	if r.Intn(3) != 0 {
		utilization := pick[int32](r, 50, 80, 60, 100, 150, 1)
		resourceTarget = autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &utilization}
	}
	resourceName := pick(r, v1.ResourceCPU, v1.ResourceCPU, v1.ResourceMemory)
	spec := autoscalingv2.MetricSpec{Type: kind}
	switch kind {
	case autoscalingv2.ObjectMetricSourceType:
		spec.Object = &autoscalingv2.ObjectMetricSource{Metric: identifier, Target: target,
			DescribedObject: autoscalingv2.CrossVersionObjectReference{APIVersion: "v1", Kind: "Service", Name: "s"}}
	case autoscalingv2.ExternalMetricSourceType:
		spec.External = &autoscalingv2.ExternalMetricSource{Metric: identifier, Target: target}
	case autoscalingv2.PodsMetricSourceType:
		spec.Pods = &autoscalingv2.PodsMetricSource{Metric: identifier, Target: target}
	case autoscalingv2.ResourceMetricSourceType:
		spec.Resource = &autoscalingv2.ResourceMetricSource{Name: resourceName, Target: resourceTarget}
	default:
		spec.ContainerResource = &autoscalingv2.ContainerResourceMetricSource{Name: resourceName, Container: "main", Target: resourceTarget}
	}
	return spec
}

func anyHPA(r *rand.Rand, period int32) *autoscalingv2.HorizontalPodAutoscaler {
	least := pick[int32](r, 1, 1, 2, 3, 0, 0)
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "target"},
			MinReplicas:    &least,
			MaxReplicas:    max(least, 1) + pick[int32](r, 0, 1, 5, 9, 20, 50, 200),
		},
	}
	for i := 0; i <= pick(r, 0, 0, 0, 1, 2); i++ {
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, randomMetric(r, i, least == 0 && i == 0))
	}
	if r.Intn(3) != 0 {
		hpa.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: randomRules(r, period), ScaleDown: randomRules(r, period)}
	}
	return hpa
}

func distinctResources(hpa *autoscalingv2.HorizontalPodAutoscaler) bool {
	seen := map[string]bool{}
	for _, m := range hpa.Spec.Metrics {
		key := ""
		if m.Resource != nil {
			key = string(m.Resource.Name)
		}
		if m.ContainerResource != nil {
			key = string(m.ContainerResource.Name) + "/container"
		}
		if key != "" && seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

func randomHPA(r *rand.Rand, period int32) *autoscalingv2.HorizontalPodAutoscaler {
	for {
		if hpa := anyHPA(r, period); distinctResources(hpa) {
			return hpa
		}
	}
}

// --- the world around the controller: what each sync finds is made up when it asks for the scale

type world struct {
	r        *rand.Rand
	c        *Case
	client   *fake.Clientset
	hpa      *autoscalingv2.HorizontalPodAutoscaler
	began    time.Time
	pods     func([]interface{})
	replicas int32
	level    float64 // of the load: 1 means "right for the present replicas", roughly
	idle     int     // syncs without any load
	odd      bool    // pods in all kinds of states
	person   bool    // somebody scales the target too, and changes the HPA
	latency  time.Duration
	current  *Sync
	ended    atomic.Int64     // by when the present sync has ended
	due      atomic.Int64     // the earliest time of the next one, unless the HPA is changed
	names    map[int][]string // of each group's pods
	limit    int
	done     chan struct{}
}

func (w *world) micros(t time.Time) int64 { return t.Sub(w.began).Microseconds() }

func (w *world) sleep() {
	time.Sleep(time.Duration(1+w.r.Int63n(int64(w.latency/time.Microsecond))) * time.Microsecond)
}

func (w *world) target(m autoscalingv2.MetricSpec) (milli int64, perPod, utilization bool) {
	t := map[autoscalingv2.MetricSourceType]func() autoscalingv2.MetricTarget{
		autoscalingv2.ObjectMetricSourceType:            func() autoscalingv2.MetricTarget { return m.Object.Target },
		autoscalingv2.ExternalMetricSourceType:          func() autoscalingv2.MetricTarget { return m.External.Target },
		autoscalingv2.PodsMetricSourceType:              func() autoscalingv2.MetricTarget { return m.Pods.Target },
		autoscalingv2.ResourceMetricSourceType:          func() autoscalingv2.MetricTarget { return m.Resource.Target },
		autoscalingv2.ContainerResourceMetricSourceType: func() autoscalingv2.MetricTarget { return m.ContainerResource.Target },
	}[m.Type]()
	switch {
	case t.AverageUtilization != nil:
		return int64(*t.AverageUtilization), true, true
	case t.AverageValue != nil:
		return t.AverageValue.MilliValue(), true, false
	default:
		return t.Value.MilliValue(), false, false
	}
}

// What the API server stores, and how the controller gets it back: with defaults, through a text.
func stored(hpa *autoscalingv2.HorizontalPodAutoscaler) (json.RawMessage, *autoscalingv2.HorizontalPodAutoscaler) {
	raw, err := json.Marshal(hpa)
	if err != nil {
		panic(err)
	}
	result := &autoscalingv2.HorizontalPodAutoscaler{}
	if err := json.Unmarshal(raw, result); err != nil {
		panic(err)
	}
	autoscalingapiv2.SetDefaults_HorizontalPodAutoscaler(result)
	return raw, result
}

// Somebody changes the HPA after a while, between two syncs (a change during one can cost it its status), and early
// enough for a sync of its own before the next one is due: where they meet, a resync decides within a microsecond.
func (w *world) change() {
	raw, hpa := stored(randomHPA(w.r, int32(w.c.SyncPeriod/1_000_000)))
	time.AfterFunc(time.Duration(1+w.r.Int63n(w.c.SyncPeriod))*time.Microsecond, func() {
		if now := w.micros(time.Now()); now <= w.ended.Load() || now+3*w.latency.Microseconds() >= w.due.Load() {
			return
		}
		hpas := w.client.AutoscalingV2().HorizontalPodAutoscalers(namespace)
		now, err := hpas.Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			panic(err)
		}
		w.hpa = hpa
		w.c.Changes = append(w.c.Changes, Change{w.micros(time.Now()), raw})
		changed := now.DeepCopy()
		changed.Spec = hpa.Spec
		changed.Generation++ // as the API server does
		if _, err := hpas.Update(context.Background(), changed, metav1.UpdateOptions{}); err != nil {
			panic(err)
		}
	})
}

// The next state of the pods and of the metrics.
func (w *world) next() {
	r := w.r
	if w.person && r.Intn(20) == 0 {
		w.replicas = pick(r, 0, 0, 1, 3, w.hpa.Spec.MaxReplicas+2)
	}
	if w.person && r.Intn(4) == 0 {
		w.change()
	}
	w.level = math.Min(6, math.Max(0, w.level*pick(r, 1, 1, 1, 0.5, 0.9, 0.91, 1.05, 1.1, 1.11, 1.3, 2, 0)))
	if w.level < 0.01 {
		w.level = pick(r, 0, 0.5, 1.0, 3.0)
	}
	if w.idle == 0 && *w.hpa.Spec.MinReplicas == 0 && r.Intn(8) == 0 {
		w.idle = 1 + r.Intn(8)
	}
	if w.idle > 0 {
		w.idle, w.level = w.idle-1, 0
	}
	w.current.Spec = w.replicas
	w.current.StatusOf = w.replicas
	if w.odd && r.Intn(5) == 0 {
		w.current.StatusOf = max(0, w.replicas+int32(r.Intn(5)-2))
	}
	now := w.micros(time.Now())
	w.current.Pods = []Pod{{Count: int(w.replicas), Phase: "Running", Ready: true, HasConditions: true, Started: now - 3_600_000_000, ReadyChanged: now - 3_500_000_000}}
	if w.odd {
		for i := 0; i < r.Intn(4); i++ {
			w.current.Pods = append(w.current.Pods, Pod{Count: 1 + r.Intn(4), Phase: pick(r, "Running", "Running", "Running", "Pending", "Failed", "Unlisted"),
				Deleting: r.Intn(6) == 0, Ready: r.Intn(3) != 0, HasConditions: r.Intn(8) != 0,
				Started: now - pick[int64](r, 1, 20, 100, 290, 310, 400)*1_000_000, ReadyChanged: now - pick[int64](r, 0, 1, 10, 80, 280, 299, 370, 380)*1_000_000})
		}
	}
	w.current.Readings = nil
	hasRequests := !w.odd || r.Intn(20) != 0
	request := pick[int64](r, 100, 250, 1000, 333)
	for _, m := range w.hpa.Spec.Metrics {
		w.current.Readings = append(w.current.Readings, w.reading(m, now, hasRequests, request))
	}
	w.publish(hasRequests, request)
}

func (w *world) reading(m autoscalingv2.MetricSpec, now int64, hasRequests bool, request int64) Reading {
	r := w.r
	if w.odd && r.Intn(12) == 0 {
		return Reading{Failure: "unavailable"}
	}
	target, perPod, utilization := w.target(m)
	level := w.level * pick(r, 1, 1, 1, 0.97, 1.02)
	if m.Type == autoscalingv2.ObjectMetricSourceType || m.Type == autoscalingv2.ExternalMetricSourceType {
		value := float64(target) * level
		if perPod {
			value *= math.Max(1, float64(w.current.StatusOf))
		}
		milli := int64(value)
		if w.odd && r.Intn(40) == 0 {
			milli = pick[int64](r, -milli, math.MaxInt64/2, math.MaxInt64, 1<<40)
		}
		if m.Type == autoscalingv2.ExternalMetricSourceType && w.odd && r.Intn(20) == 0 {
			half := int64(math.MaxInt64 / 2)
			return Reading{Values: pick(r, []int64{half, half, half}, []int64{math.MaxInt64, 5}, []int64{5, math.MaxInt64, math.MaxInt64}, []int64{-5, math.MaxInt64, half})}
		}
		if m.Type == autoscalingv2.ExternalMetricSourceType && r.Intn(3) == 0 {
			return Reading{Values: []int64{milli / 3, milli - milli/3, pick[int64](r, 0, 1, milli)}}
		}
		return Reading{Values: []int64{milli}}
	}
	var reading Reading
	for _, pod := range w.current.Pods {
		milli := int64(float64(target) * level * pick(r, 1, 1, 1, 0.5, 1.4))
		if utilization {
			milli = int64(float64(request*target) * level / 100)
		}
		sample := Sample{Present: pod.Phase == "Running" || r.Intn(2) == 0, Milli: milli, HasRequest: hasRequests, Request: request,
			At: now - pick[int64](r, 0, 5, 15, 60)*1_000_000, Window: pick[int64](r, 0, 15, 30) * 1_000_000}
		if w.odd && r.Intn(6) == 0 {
			sample.Present = false
		}
		if pod.Phase == "Unlisted" {
			sample.Present, sample.HasRequest, sample.Request = true, false, 0
		}
		reading.Samples = append(reading.Samples, sample)
	}
	return reading
}

// Puts the pods where the controller's lister finds them.
func (w *world) publish(hasRequests bool, request int64) {
	var pods []interface{}
	w.names = map[int][]string{}
	for g, group := range w.current.Pods {
		for i := 0; i < group.Count; i++ {
			podName := fmt.Sprintf("p%d-%d", g, i)
			w.names[g] = append(w.names[g], podName)
			if group.Phase == "Unlisted" {
				continue
			}
			pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: podName, Labels: podLabels},
				Status: v1.PodStatus{Phase: v1.PodPhase(group.Phase)}}
			container := v1.Container{Name: "main"}
			if hasRequests {
				quantity := *resource.NewMilliQuantity(request, resource.DecimalSI)
				container.Resources.Requests = v1.ResourceList{v1.ResourceCPU: quantity, v1.ResourceMemory: quantity}
			}
			pod.Spec.Containers = []v1.Container{container}
			if group.Deleting {
				deleted := metav1.NewTime(time.Now())
				pod.DeletionTimestamp = &deleted
			}
			if group.HasConditions {
				started := metav1.NewTime(w.began.Add(time.Duration(group.Started) * time.Microsecond))
				pod.Status.StartTime = &started
				status := v1.ConditionFalse
				if group.Ready {
					status = v1.ConditionTrue
				}
				pod.Status.Conditions = []v1.PodCondition{{Type: v1.PodReady, Status: status,
					LastTransitionTime: metav1.NewTime(w.began.Add(time.Duration(group.ReadyChanged) * time.Microsecond))}}
			}
			pods = append(pods, pod)
		}
	}
	w.pods(pods)
}

// --- metrics.MetricsClient

func (w *world) find(metricName string) Reading {
	i, err := strconv.Atoi(metricName[1:])
	if err != nil {
		panic(err)
	}
	return w.current.Readings[i]
}

func (w *world) samples(reading Reading) (metrics.PodMetricsInfo, time.Time, error) {
	if reading.Failure != "" {
		return nil, time.Time{}, errors.New("unavailable")
	}
	info := metrics.PodMetricsInfo{}
	for g, sample := range reading.Samples {
		if !sample.Present {
			continue
		}
		for _, podName := range w.names[g] {
			info[podName] = metrics.PodMetric{Timestamp: w.began.Add(time.Duration(sample.At) * time.Microsecond),
				Window: time.Duration(sample.Window) * time.Microsecond, Value: sample.Milli}
		}
	}
	return info, time.Now(), nil
}

// A resource is asked for by its name only: the case has at most one metric of each resource and container.
func (w *world) GetResourceMetric(_ context.Context, resourceName v1.ResourceName, _ string, _ labels.Selector, container string) (metrics.PodMetricsInfo, time.Time, error) {
	for i, m := range w.hpa.Spec.Metrics {
		if (m.Resource != nil && m.Resource.Name == resourceName && container == "") ||
			(m.ContainerResource != nil && m.ContainerResource.Name == resourceName && m.ContainerResource.Container == container) {
			return w.samples(w.current.Readings[i])
		}
	}
	panic("unknown resource")
}

func (w *world) GetRawMetric(metricName string, _ string, _ labels.Selector, _ labels.Selector) (metrics.PodMetricsInfo, time.Time, error) {
	return w.samples(w.find(metricName))
}

func (w *world) GetObjectMetric(metricName string, _ string, _ *autoscalingv2.CrossVersionObjectReference, _ labels.Selector) (int64, time.Time, error) {
	reading := w.find(metricName)
	if reading.Failure != "" {
		return 0, time.Time{}, errors.New("unavailable")
	}
	return reading.Values[0], time.Now(), nil
}

func (w *world) GetExternalMetric(metricName string, _ string, _ labels.Selector) ([]int64, time.Time, error) {
	reading := w.find(metricName)
	if reading.Failure != "" {
		return nil, time.Time{}, errors.New("unavailable")
	}
	return reading.Values, time.Now(), nil
}

// --- one case

func condition(hpa *autoscalingv2.HorizontalPodAutoscaler, kind autoscalingv2.HorizontalPodAutoscalerConditionType) string {
	for _, c := range hpa.Status.Conditions {
		if c.Type == kind {
			return c.Reason
		}
	}
	return ""
}

func currents(hpa *autoscalingv2.HorizontalPodAutoscaler) []int64 {
	values := []int64{}
	for _, m := range hpa.Status.CurrentMetrics {
		var value autoscalingv2.MetricValueStatus
		switch {
		case m.Object != nil:
			value = m.Object.Current
		case m.External != nil:
			value = m.External.Current
		case m.Pods != nil:
			value = m.Pods.Current
		case m.Resource != nil:
			value = m.Resource.Current
		case m.ContainerResource != nil:
			value = m.ContainerResource.Current
		default:
			values = append(values, math.MinInt64) // a metric that failed
			continue
		}
		switch {
		case value.AverageUtilization != nil:
			values = append(values, int64(*value.AverageUtilization))
		case value.AverageValue != nil:
			values = append(values, value.AverageValue.MilliValue())
		default:
			values = append(values, value.Value.MilliValue())
		}
	}
	return values
}

// The gates as they are, if `choose` does not say otherwise; one that is locked stays.
func gates(choose func(featuregate.FeatureSpec) bool) Gates {
	set := func(name featuregate.Feature) bool {
		spec := utilfeature.DefaultMutableFeatureGate.GetAll()[name]
		value := choose(spec)
		if spec.LockToDefault {
			value = spec.Default
		}
		if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(map[string]bool{string(name): value}); err != nil {
			panic(err)
		}
		return value
	}
	return Gates{ToleranceFromSpec: set("HPAConfigurableTolerance"), ZeroAllowed: set("HPAScaleToZero")}
}

func runCase(t *testing.T, seed int64, syncs int) *Case {
	r := rand.New(rand.NewSource(seed))
	period := pick[int32](r, 15, 15, 15, 10, 1)
	raw, hpa := stored(randomHPA(r, period))
	c := &Case{Seed: seed, HPA: raw, SyncPeriod: int64(period) * 1_000_000, Stabilization: pick[int64](r, 300, 60, 30, 0) * 1_000_000,
		Tolerance: pick(r, 0.1, 0.1, 0.1, 0.05, 0), CPUInitialization: 300_000_000, ReadinessDelay: 30_000_000,
		Gates: gates(func(featuregate.FeatureSpec) bool { return r.Intn(2) == 0 })}

	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client := fake.NewSimpleClientset()
		w := &world{r: r, c: c, client: client, hpa: hpa, began: time.Now(), level: 1, odd: r.Intn(2) == 0, person: r.Intn(2) == 0, limit: syncs, done: make(chan struct{}),
			replicas: pick(r, *hpa.Spec.MinReplicas, *hpa.Spec.MinReplicas, hpa.Spec.MaxReplicas, hpa.Spec.MaxReplicas+2, 1, 3),
			latency:  pick(r, 10*time.Millisecond, 40*time.Millisecond, 300*time.Millisecond)}
		client.PrependReactor("update", "horizontalpodautoscalers", func(action core.Action) (bool, runtime.Object, error) {
			if action.GetSubresource() != "status" {
				return false, nil, nil
			}
			w.sleep()
			updated := action.(core.UpdateAction).GetObject().(*autoscalingv2.HorizontalPodAutoscaler)
			w.current.Status = w.micros(time.Now())
			w.current.Able, w.current.Active = condition(updated, autoscalingv2.AbleToScale), condition(updated, autoscalingv2.ScalingActive)
			w.current.Limited, w.current.Currents = condition(updated, autoscalingv2.ScalingLimited), currents(updated)
			w.current.ToZero = condition(updated, "ScaledToZero")
			return false, nil, nil // and on to the tracker
		})
		scales := &scalefake.FakeScaleClient{}
		scales.AddReactor("get", "deployments", func(core.Action) (bool, runtime.Object, error) {
			if len(c.Syncs) >= w.limit {
				w.current = &Sync{} // the failure's status is no part of the case
				select {
				case <-w.done:
				default:
					close(w.done)
				}
				return true, nil, errors.New("the case is over")
			}
			c.Syncs = append(c.Syncs, Sync{})
			last := Sync{}
			if len(c.Syncs) > 1 {
				last = c.Syncs[len(c.Syncs)-2]
			}
			w.current = &c.Syncs[len(c.Syncs)-1]
			w.current.At = w.micros(time.Now())
			w.ended.Store(w.current.At + 3*w.latency.Microseconds()) // at most: three calls
			if n := len(c.Changes); n == 0 || c.Changes[n-1].At != w.current.At {
				w.due.Store(w.current.At + c.SyncPeriod)
			}
			// An unchanged status is not written: it stays.
			w.current.Able, w.current.Active, w.current.Limited = last.Able, last.Active, last.Limited
			w.current.ToZero, w.current.Currents = last.ToZero, last.Currents
			w.sleep()
			w.current.Now = w.micros(time.Now())
			w.next()
			w.current.Desired = w.replicas
			return true, &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "target", Namespace: namespace},
				Spec:   autoscalingv1.ScaleSpec{Replicas: w.replicas},
				Status: autoscalingv1.ScaleStatus{Replicas: w.current.StatusOf, Selector: "app=target"}}, nil
		})
		scales.AddReactor("update", "deployments", func(action core.Action) (bool, runtime.Object, error) {
			w.sleep()
			scale := action.(core.UpdateAction).GetObject().(*autoscalingv1.Scale)
			w.replicas = scale.Spec.Replicas
			w.current.Desired = scale.Spec.Replicas
			w.current.Wrote = w.micros(time.Now())
			return true, scale, nil
		})
		// Not 0: an informer without resync waits on a channel of the whole process, which stops virtual time.
		factory := informers.NewSharedInformerFactory(client, 12*time.Hour)
		podInformer := factory.Core().V1().Pods()
		w.pods = func(pods []interface{}) {
			if err := podInformer.Informer().GetIndexer().Replace(pods, ""); err != nil {
				panic(err)
			}
		}
		// A client of their own: a fake client's lock is held while another one's reactor sleeps.
		events := fake.NewSimpleClientset()
		hpaController := podautoscaler.NewHorizontalController(ctx, events.CoreV1(), scales, client.AutoscalingV2(),
			mapper, w, factory.Autoscaling().V2().HorizontalPodAutoscalers(), podInformer,
			time.Duration(period)*time.Second, time.Duration(c.Stabilization)*time.Microsecond, c.Tolerance,
			time.Duration(c.CPUInitialization)*time.Microsecond, time.Duration(c.ReadinessDelay)*time.Microsecond)
		factory.Start(ctx.Done())
		go hpaController.Run(ctx, 1)
		// The HPA comes at any time between two of the informer's resyncs, which are whole periods after the start; by then
		// the controller has seen that there were none.
		time.Sleep(time.Second + time.Duration(1+r.Int63n(c.SyncPeriod))*time.Microsecond)
		c.Created = w.micros(time.Now())
		if _, err := client.AutoscalingV2().HorizontalPodAutoscalers(namespace).Create(ctx, hpa, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		<-w.done
		cancel()
		factory.Shutdown()
		time.Sleep(time.Minute) // virtual: whatever was under way ends
	})
	return c
}

func intFromEnv(t *testing.T, key string, fallback int64) int64 {
	text := os.Getenv(key)
	if text == "" {
		return fallback
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestOracle(t *testing.T) {
	out := os.Getenv("ORACLE_OUT")
	if out == "" {
		t.Skip("ORACLE_OUT names the file to write")
	}
	t.Setenv("KUBE_FEATURE_WatchListClient", "false") // the fake clientset's watch does not send bookmarks
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	utilruntime.ErrorHandlers = nil
	file, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	writer := bufio.NewWriter(file)
	write := func(value any) {
		line, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		writer.Write(append(line, '\n'))
	}
	write(gates(func(spec featuregate.FeatureSpec) bool { return spec.Default }))
	seed, cases, syncs := intFromEnv(t, "ORACLE_SEED", 1), intFromEnv(t, "ORACLE_CASES", 200), intFromEnv(t, "ORACLE_SYNCS", 40)
	began, seen := time.Now(), 0
	for i := int64(0); i < cases; i++ {
		c := runCase(t, seed*1_000_000+i, int(syncs))
		seen += len(c.Syncs)
		write(c)
	}
	fmt.Printf("the controller's own code in virtual time: %d syncs, %.3f ms each\n", seen, float64(time.Since(began).Microseconds())/1000/float64(seen))
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
}
