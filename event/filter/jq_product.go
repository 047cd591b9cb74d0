package filter

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"

	"github.com/itchyny/gojq"
)

// productName is the function that stands for "*" in expressions. In gojq a
// string times a number is one step, which takes up to 2 GB before anyone is
// asked whether it may.
const productName = "_bounded_product"

var errTooLarge = errors.New("the string would be too large")

// bound puts calls of product in place of each "*" and "*=", and checks in front of
// calls that could take long.
func bound(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer: // a query is a tree, and no longer than a filter may be
		if !v.IsNil() {
			bound(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			bound(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			bound(v.Field(i))
		}
		if v.Type() == reflect.TypeFor[gojq.Query]() {
			boundProduct(v.Addr().Interface().(*gojq.Query))
		}
		if v.Type() == reflect.TypeFor[gojq.Term]() {
			boundCall(v.Addr().Interface().(*gojq.Term))
		}
	}
}

func boundProduct(q *gojq.Query) {
	var text string
	switch q.Op {
	case gojq.OpMul:
		text = fmt.Sprintf("%s(%s; %s)", productName, q.Left, q.Right)
	case gojq.OpUpdateMul:
		text = fmt.Sprintf("(%s) as $%s | (%s) |= %[2]s(.; $%[2]s)", q.Right, productName, q.Left)
	default:
		return
	}
	if bounded, err := gojq.Parse(text); err == nil { // which it is: its parts are queries
		bounded.Meta, bounded.Imports, bounded.FuncDefs = q.Meta, q.Imports, q.FuncDefs
		*q = *bounded
	}
}

// times is the product as gojq has it.
var times = sync.OnceValues(func() (*gojq.Code, error) {
	query, err := gojq.Parse("$a * $b")
	if err != nil {
		return nil, err
	}
	return gojq.Compile(query, gojq.WithVariables([]string{"$a", "$b"}))
})

// product multiplies, unless a string repeated so often would take more memory
// than an evaluation may.
func product(_ any, args []any) any {
	a, b := args[0], args[1]
	if _, ok := a.(string); !ok {
		a, b = b, a
	}
	if s, ok := a.(string); ok {
		if n, ok := gojq.ToFloat64(b); ok && !math.IsNaN(n) && float64(len(s))*n > jqMemory {
			return errTooLarge
		}
	}
	code, err := times()
	if err != nil {
		return err
	}
	result, _ := code.Run(nil, args[0], args[1]).Next()
	return result
}
